"""Make docs/live.png: a server with eight simulated beds, photographed after a minute.

    python docs/screenshot.py

Needs Playwright (`pip install playwright`) and a chromium on the path.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

PORT = "8765"
URL = f"http://127.0.0.1:{PORT}/"
TARGET = Path(__file__).parent / "live.png"


def main() -> None:
    """Serve, wait for an alarm, photograph."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        words = ["serve", "--folder", folder, "--port", PORT, "--simulate", "8"]
        server = subprocess.Popen([sys.executable, "-m", "stream.cli", *words], env=os.environ)
        try:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            wait_for_server()
            page.goto(URL)
            page.locator(".alarms li", has_text="***").first.wait_for(timeout=240_000)
            page.screenshot(path=TARGET)
            browser.close()
        finally:
            server.terminate()
            server.wait()


def wait_for_server() -> None:
    """Until it answers; a refused connection is tried again at once."""
    while True:
        try:
            urllib.request.urlopen(URL + "health", timeout=5).close()
        except OSError:
            continue
        return


if __name__ == "__main__":
    main()
