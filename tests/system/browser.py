"""A real browser on a page of the server: Debian's Chromium under Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from house import missing
from playwright.sync_api import Page, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


@contextmanager
def page(url: str, width: int = 1400, height: int = 900) -> Iterator[Page]:
    """The page at `url`, open in a headless browser; an error in its scripts fails the test."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        opened = browser.new_page(viewport={"width": width, "height": height})
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto(url)
        yield opened
        browser.close()
    assert errors == []
