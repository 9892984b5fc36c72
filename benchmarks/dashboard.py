"""How well the central station draws: frames per second and growth of the heap with many beds.

    python benchmarks/dashboard.py [--beds 32] [--minutes 10]

Server, simulated beds (250 Hz) and a headless chromium without a GPU share this machine. Frames are
counted by the page's own animation frames; the heap is what stays after a forced collection.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / part) for part in ("", "tests/system")]

from playwright.sync_api import CDPSession, Page, sync_playwright
from ward_page import SimulatedWard

FLAGS: Final = ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"]
WALL: Final = {"width": 1920, "height": 1080}

COUNT: Final = """seconds => new Promise(done => {
  let frames = 0, worst = 0, last = performance.now();
  const begin = last;
  const frame = now => {
    frames += 1; worst = Math.max(worst, now - last); last = now;
    if (now - begin < seconds * 1000) requestAnimationFrame(frame);
    else done({fps: frames / ((now - begin) / 1000), worst});
  };
  requestAnimationFrame(frame);
})"""
"""Frames per second, and the longest time between two, in ms."""


def heap(session: CDPSession) -> float:
    """Megabytes of live JavaScript objects."""
    session.send("HeapProfiler.collectGarbage")
    return float(session.send("Runtime.getHeapUsage")["usedSize"]) / 1e6


def measure(page: Page, session: CDPSession, minutes: int) -> dict[str, Any]:
    """Watch the page; the first minute fills its buffers and does not count."""
    page.evaluate(COUNT, 60)
    first = heap(session)
    counted = [page.evaluate(COUNT, 60) for _ in range(minutes)]
    last = heap(session)
    return {
        "fps": round(min(one["fps"] for one in counted), 1),
        "worst_frame_ms": round(max(one["worst"] for one in counted)),
        "heap_mb": [round(first, 2), round(last, 2)],
        "growth_mb": round(last - first, 2),
    }


def main() -> None:
    """Serve beds, look at them, print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beds", type=int, default=32)
    parser.add_argument("--minutes", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        ward = SimulatedWard(Path(folder))
        ward.start()
        ward.admit_beds("sinus:60,pvcs:30", args.beds)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport=WALL)
        page.goto(ward.page)
        page.locator(".sector").nth(args.beds - 1).wait_for(timeout=120_000)
        found = measure(page, page.context.new_cdp_session(page), args.minutes)
        browser.close()
        ward.close()
    print(json.dumps({"beds": args.beds, "minutes": args.minutes} | found))


if __name__ == "__main__":
    main()
