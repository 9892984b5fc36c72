"""A real browser on pages of the server: Debian's Chromium under Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from parts import missing
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("no chromium on this machine")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def page(of: Browser, url: str, *, name: str = "nurse-7", **options: Any) -> Iterator[Page]:
    """The page at `url`, in a profile of its own; an error in its scripts fails the test.

    `name` is who sits there; `options` are those of a Playwright context.
    """
    context = of.new_context(
        viewport=options.pop("viewport", {"width": 1400, "height": 900}), **options
    )
    context.add_init_script(f"localStorage.setItem('beatwire-name', {name!r})")
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on(
        "console",
        lambda said: errors.append(said.text) if "Content Security" in said.text else None,
    )
    opened.goto(url)
    yield opened
    context.close()
    assert errors == []
