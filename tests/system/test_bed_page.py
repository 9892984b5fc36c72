"""The bed view's several leads, and the dialog for a token, in a real browser before a real gateway."""

import numpy as np
import pytest
from browser import page
from house import House
from playwright.sync_api import Page, expect
from ward_page import INK, RATE, UV_PER_LSB, off_trace, send

TOKEN = "open sesame"
LEADS = ("I", "II", "V1")
LABELS = 14
"""Pixels above the leads of the bed view, for the names of beats."""

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway that asks for a token. No worker: traces need none."""
    house = House(tmp_path_factory.mktemp("token") / "data", BEATWIRE_TOKEN=TOKEN)
    house.start("gateway")
    yield house
    house.stop()


def offer(station: Page, token: str) -> None:
    """Fill in the dialog that asks for the token."""
    dialog = station.get_by_role("dialog", name="This server wants an access token")
    dialog.get_by_label("Access token").fill(token)
    dialog.get_by_role("button", name="Continue").click()


def test_a_wrong_token_is_refused_visibly_and_the_right_one_goes_on(gateway, chromium):
    """The page asks; it says that it has no access, and that a token was refused; then it is live."""
    with page(chromium, f"http://127.0.0.1:{gateway.port}/") as station:
        dialog = station.get_by_role("dialog")
        expect(dialog.get_by_label("Access token")).to_have_attribute("type", "password")
        expect(dialog.get_by_role("alert")).to_have_count(0)
        expect(station.locator("#link")).to_have_text("credential is missing or wrong")
        offer(station, "wrong")
        expect(dialog.get_by_role("alert")).to_have_text("The token given was refused.")
        expect(station.locator("#link")).to_have_class("link down")
        offer(station, TOKEN)
        expect(station.locator("#link")).to_have_text("live")
        expect(dialog).to_have_count(0)
        station.reload()
        expect(station.locator("#link")).to_have_text("live")


def test_the_bed_view_draws_each_lead_in_a_strip_of_its_own(gateway, chromium):
    """Three leads of three shapes: the rows of each third of the canvas follow that lead's samples."""
    times = np.arange(int(4 * RATE)) / RATE
    shapes = (
        80 * np.sin(2 * np.pi * 1.3 * times),
        200 * np.sign(np.sin(2 * np.pi * 0.7 * times)) * (times % 0.5),
        60 * np.sign(np.sin(2 * np.pi * 2.1 * times)),
    )
    samples = np.rint(np.stack(shapes, axis=1)).astype("<i2")
    with page(chromium, f"http://127.0.0.1:{gateway.port}/#/beds/leads-1") as station:
        offer(station, TOKEN)
        expect(station.locator("#link")).to_have_text("live")
        send(gateway.url, "leads-1", samples, LEADS, TOKEN)
        expect(station.locator(".lost")).to_contain_text("No signal for")
        canvas = station.locator(".bed-live canvas")
        height = canvas.evaluate("canvas => canvas.height")
        edges = [(LABELS + (height - LABELS) * lead / 3) / height for lead in range(4)]
        inks = [canvas.evaluate(INK, edges[lead : lead + 2]) for lead in range(3)]
    for lead, ink in enumerate(inks):
        middle = LABELS + (height - LABELS) * (lead + 0.6) / 3
        assert off_trace(ink, samples[:, lead] * UV_PER_LSB, middle) <= 0.01, LEADS[lead]
        other = samples[:, (lead + 1) % 3] * UV_PER_LSB
        assert off_trace(ink, other, middle) > 0.5, "the judge takes any shape"
