"""The live page in a real browser, against a real server with simulated beds."""

import re
from pathlib import Path

import pytest
from browser import page
from house import Supervised
from playwright.sync_api import expect

MOVES = """async canvas => {
  const ink = () => canvas.getContext('2d')
    .getImageData(0, 0, canvas.width, canvas.height).data.reduce((sum, v, i) => sum + v * (i % 997), 0);
  const before = ink();
  while (ink() === before) await new Promise(requestAnimationFrame);
  return before > 0;
}"""
"""Waits until the canvas shows something else; whether it showed anything before."""


@pytest.fixture
def served(tmp_path: Path):
    """Two beds: one calm, one with a ventricular tachycardia after a while."""
    house = Supervised(tmp_path / "data")
    house.start("--simulate", "3")
    yield house
    house.stop()


@pytest.mark.timeout(240)
def test_beds_show_rate_moving_trace_and_alarms(served):
    """Every bed has a heart rate and a trace that moves; it says that it is no medical device."""
    with page(f"http://127.0.0.1:{served.port}/") as browser:
        assert "Not a medical device" in browser.inner_text("footer")
        beds = browser.locator(".bed")
        beds.nth(2).wait_for(timeout=120_000)
        for number in range(3):
            expect(beds.nth(number).locator(".hr")).to_have_text(
                re.compile(r"^\d{2,3}$"), timeout=60_000
            )
        assert beds.first.locator("canvas").evaluate(MOVES)
        names = " ".join(browser.locator(".bed .name").all_inner_texts())
        assert all(f"demo-{number}" in names or f"Bed {number}" in names for number in (1, 2, 3))


@pytest.mark.timeout(240)
def test_the_page_comes_back_after_the_server_restarts(served):
    """With the server gone it says that what is shown is old; later it goes on by itself."""
    with page(f"http://127.0.0.1:{served.port}/") as browser:
        browser.locator(".bed").first.wait_for(timeout=120_000)
        served.stop()
        expect(browser.locator("#link")).to_contain_text("no connection", timeout=30_000)
        served.start("--simulate", "3")
        expect(browser.locator("#link")).not_to_contain_text("no connection", timeout=60_000)
