"""Make docs/*.png: the pages of the central station over simulated beds, once there is an alarm.

    python docs/screenshot.py [page …]

Needs Playwright and Pillow (`pip install playwright pillow`), and a chromium on the path.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from client.rhythms import Script
from client.simulator import UV_PER_LSB, Bed

PORT: Final = "8765"
URL: Final = f"http://127.0.0.1:{PORT}/"
WALL, DESK, PHONE = (1920, 1080), (1400, 900), (390, 844)
PAGES: Final = {
    "overview": ("", DESK, 8),
    "overview-32": ("", WALL, 32),
    "bed": ("#/beds/demo-3", DESK, 8),
    "review": ("#/review", DESK, 8),
    "disclosure": ("#/disclosure/demo-3", DESK, 8),
    "burden": ("#/burden", DESK, 8),
    "upload": ("#/upload", DESK, 8),
    "classifier": ("#/classifier", DESK, 8),
    "alarm": ("#/review", DESK, 8),
    "uploaded": ("#/upload", DESK, 8),
    "phone": ("#/beds/demo-3", PHONE, 8),
}
"""Name of the picture: address, size, and how many beds are simulated."""
RECORD_SECONDS: Final = 60
COLOURS: Final = 256
"""The pages have few: more only make the files of the repository larger."""
SWEEP_SECONDS: Final = 12.0
"""Until the pen has crossed the widest trace."""


def main(names: list[str]) -> None:
    """Photograph the pages named, or all, with one server for each number of beds."""
    wanted = {name: PAGES[name] for name in names or PAGES}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        for beds in sorted({beds for _, _, beds in wanted.values()}):
            with serving(beds):
                for name, (address, size, of) in wanted.items():
                    if of == beds:
                        photograph(browser, URL + address, size, name)
        browser.close()


@contextmanager
def serving(beds: int) -> Iterator[None]:
    """A server with simulated beds, once it answers."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["serve", "--folder", folder, "--port", PORT, "--simulate", str(beds)]
        server = subprocess.Popen([sys.executable, "-m", "stream.cli", *words], env=os.environ)
        try:
            wait_for_server()
            yield
        finally:
            server.terminate()
            server.wait()


def photograph(browser: Browser, url: str, size: tuple[int, int], name: str) -> None:
    """Wait for an urgent alarm in the banner and for a whole sweep."""
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.add_init_script("localStorage.setItem('beatwire-name', 'nurse-7')")
    page.goto(url)
    page.locator("#banner", has_text="***").wait_for(timeout=240_000)
    if name in STEPS:
        STEPS[name](page)
    time.sleep(SWEEP_SECONDS)  # a picture is of a moment, and this is the moment
    path = Path(__file__).parent / f"{name}.png"
    page.screenshot(path=path)
    page.close()
    few = Image.open(path).quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def show_list(page: Page) -> None:
    """Ask anew: the list is of the moment it was asked for."""
    page.reload()
    page.locator("main table a", has_text="***").first.wait_for()


def show_alarm(page: Page) -> None:
    """Go from the list to the latest urgent alarm's strip."""
    show_list(page)
    page.locator("main table a", has_text="***").first.click()
    page.locator(".strip canvas").first.wait_for()


def upload_record(page: Page) -> None:
    """Upload a minute of a simulated heart and wait for its beats."""
    bed = Bed(7, 1, Script.parse("pvcs:60"))
    samples = [value for _ in range(RECORD_SECONDS) for value in bed.next().samples[:, 0]]
    text = "II [mV]\n" + "".join(f"{value * UV_PER_LSB / 1000:.4f}\n" for value in samples)
    file = {"name": "minute.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label(re.compile("^Record")).set_input_files(file)
    page.get_by_label(re.compile("^Rate")).fill("250")
    page.get_by_role("button", name="Analyse").click()
    page.locator(".counts li").first.wait_for(timeout=240_000)


STEPS: Final[dict[str, Callable[[Page], None]]] = {
    "review": show_list,
    "alarm": show_alarm,
    "uploaded": upload_record,
}
"""What a person does on the page before it is photographed."""


def wait_for_server() -> None:
    """Until it answers; a refused connection is tried again at once."""
    while True:
        try:
            urllib.request.urlopen(URL + "health", timeout=5).close()
        except OSError:
            continue
        return


if __name__ == "__main__":
    main(sys.argv[1:])
