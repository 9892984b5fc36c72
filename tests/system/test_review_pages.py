"""Alarm review, full disclosure, uploads, the classifier and the burden, in a real browser."""

import asyncio
import re
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import page
from house import START_SECONDS, House
from ink import INK, MM, fitted, trace
from known_bed import GAP, PATIENT, RATE, KnownBed
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.timeout(400)  # the first analysis on a machine compiles the engine
WAIT = 60_000


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, chromium: Browser):
    """A server to which a bed with a known signal streams while the first tests run."""
    house = House(tmp_path_factory.mktemp("review"))
    house.start()
    bed = KnownBed()
    house.streaming = threading.Thread(target=lambda: asyncio.run(bed.stream(house.url)))
    house.streaming.start()
    house.bed, house.chromium = bed, chromium
    yield house
    house.streaming.join()
    house.stop()


def opened(station: Any, address: str, **options: Any):
    """A page of the station."""
    return page(station.chromium, f"http://127.0.0.1:{station.port}/#/{address}", **options)


def asystole(station: Any) -> dict[str, Any]:
    """The alarm of the bed, once it has its strip."""
    station.streaming.join()
    end = time.monotonic() + WAIT / 1000
    while time.monotonic() < end:
        for alarm in station.get(f"/v1/alarms?patient={PATIENT}&kind=ASYSTOLE")["alarms"]:
            whole: dict[str, Any] = station.get(f"/v1/alarms/{alarm['id']}")
            if whole["strip"]:
                return whole
        time.sleep(0.05)  # between two looks at another process
    raise AssertionError("no asystole with its strip")


def serious(shown: Page) -> list[str]:
    """What the accessibility scan finds that is serious or worse."""
    found = Axe().run(shown).response["violations"]
    return [
        f"{one['id']}: {[node['target'] for node in one['nodes']]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


# ── Classifier and uploads ────────────────────────────────────────────────────────────────────


def test_the_classifier_judges_says_why_and_what_is_missing(station):
    """With four measurements: a probability, their contributions, nine that were not given."""
    with opened(station, "classifier") as shown:
        for label, value in (("Age", "60"), ("QT corrected", "430"), ("QRS duration", "90")):
            shown.get_by_label(re.compile(f"^{label}")).fill(value)
        shown.get_by_label("Sex").select_option("M")
        shown.get_by_role("button", name="Judge").click()
        body = {"Age": 60, "Gender": "M", "ECG_QTC_INTERVAL": 430, "ECG_QRS_DURATION": 90}
        (answer,) = station.post("/v1/predict", body)["predictions"]
        verdict = shown.locator(".verdict-page")
        expect(verdict).to_contain_text(f"{100 * answer['probability']:.1f} % abnormal")
        expect(verdict.locator("tbody tr")).to_have_count(4)
        expect(verdict).to_contain_text("Not given: Ventricular rate")
        assert serious(shown) == []


def test_a_measurement_out_of_its_limits_is_said_at_its_field(station):
    """The server's refusal stands at the field, which is marked and has the focus."""
    with opened(station, "classifier") as shown:
        age = shown.get_by_label(re.compile("^Age"))
        age.fill("500")
        for label in ("QT corrected", "QRS duration"):
            shown.get_by_label(re.compile(f"^{label}")).fill("100")
        shown.locator("form").evaluate("form => form.noValidate = true")
        shown.get_by_role("button", name="Judge").click()
        expect(shown.locator(".status.bad")).to_contain_text("Age")
        expect(age).to_have_attribute("aria-invalid", "true")
        expect(age).to_be_focused()


def test_a_bad_file_says_what_and_where(station, tmp_path: Path):
    """The value, the column, the file and the line."""
    path = tmp_path / "bad.csv"
    path.write_text("time,II [mV]\n0,0.1\n0.004,abc\n")
    with opened(station, "upload") as shown:
        shown.get_by_label(re.compile("^Record")).set_input_files(path)
        shown.get_by_role("button", name="Analyse").click()
        wrong = shown.locator(".status.bad")
        expect(wrong).to_contain_text("bad.csv:3", timeout=WAIT)
        expect(wrong).to_contain_text("'abc' is no number")
        expect(wrong).to_contain_text("II")


def test_an_uploaded_record_shows_its_beats_by_letter_and_pages(station, tmp_path: Path):
    """A minute and a bit of a known heart: every class is counted, rows name their beats."""
    path = tmp_path / "calm.csv"
    values = np.tile(station.bed.signal[: 7 * RATE, 0], 10) * 0.0025
    path.write_text("II [mV]\n" + "\n".join(f"{value:.4f}" for value in values) + "\n")
    with opened(station, "upload") as shown:
        shown.get_by_label(re.compile("^Record")).set_input_files(path)
        shown.get_by_label(re.compile("^Rate")).fill("250")
        shown.get_by_role("button", name="Analyse").click()
        expect(shown.locator(".counts li")).to_have_count(5, timeout=START_SECONDS * 1000)
        assert serious(shown) == []
        row = shown.locator(".signal canvas").nth(1)
        expect(row).to_have_attribute("aria-label", re.compile("beats .*N N N"), timeout=WAIT)
        expect(shown.locator(".signal canvas")).to_have_count(6)
        shown.keyboard.press("ArrowRight")
        expect(shown.locator(".signal canvas")).to_have_count(1)
        expect(shown.locator(".signal .status")).to_contain_text("1:00 to 1:10")
        shown.reload()
        expect(shown.locator(".counts li")).to_have_count(5)


# ── Full disclosure ───────────────────────────────────────────────────────────────────────────


def test_disclosure_shows_what_was_sent_and_the_gap_as_a_gap(station):
    """The trace follows the known samples at 10 mm/mV, and has no ink in the gap."""
    alarm = asystole(station)
    begin = alarm["onset_time"] - alarm["onset_sample"] / RATE  # of the session
    minute = (begin + GAP[0] + 1) // 60 * 60
    with opened(station, f"disclosure/{PATIENT}?at={minute:.0f}") as shown:
        expect(shown.locator(".minute-page canvas")).to_have_count(6)
        rows = shown.locator(".minute-page canvas")
        ink = [rows.nth(i).evaluate(INK) for i in range(6)]
    known = station.bed.microvolts
    drawn, at = trace(ink, minute - begin)
    inside = (at > GAP[0] + 0.2) & (at < GAP[1] - 0.2)
    assert inside.sum() > 20
    assert np.isnan(drawn[inside]).all()
    error, slope = fitted(drawn, at, known)
    assert error < 0.2  # seconds: the clock's estimate of the session's begin
    assert slope == pytest.approx(-10 * MM / 1000, rel=0.1)


def test_disclosure_jumps_to_an_alarm_and_pages_by_keys(station):
    """From an hour before; the address follows, so that the moment can be linked."""
    alarm = asystole(station)
    alarms = station.get(f"/v1/alarms?patient={PATIENT}")["alarms"]
    with opened(station, f"disclosure/{PATIENT}?at={alarm['onset_time'] - 30 * 3600:.0f}") as shown:
        expect(shown.locator(".minute-page")).to_contain_text("Nothing is stored of this minute")
        status = shown.locator(".page-disclosure > .status")
        expect(status).to_contain_text("0 s stored")
        for one in sorted(alarms, key=lambda each: each["onset_time"]):
            shown.keyboard.press("]")
            expect(status).to_contain_text(f"{one['text']}: ")
            if one["id"] == alarm["id"]:
                break
        assert f"at={alarm['onset_time']:.0f}"[:10] in shown.url
        expect(shown.locator(f".minute-page canvas[aria-label*='{alarm['text']}']")).to_have_count(
            1
        )
        here = shown.locator(".minute-row[aria-current]").get_attribute("data-time")
        assert serious(shown) == []
        shown.keyboard.press("ArrowLeft")
        expect(shown.locator(".minute-row[aria-current]")).to_have_attribute(
            "data-time", str(int(here) - 60)
        )
        shown.reload()
        expect(shown.locator(".minute-row[aria-current]")).to_have_attribute(
            "data-time", str(int(here) - 60)
        )


# ── Review and burden ─────────────────────────────────────────────────────────────────────────


def test_an_alarm_marked_false_by_keys_alone_stays_so_and_counts_as_burden(station):
    """From the list over the strip to the verdict without a mouse; a colleague reads it, too."""
    alarm = asystole(station)
    with opened(station, f"review?patient={PATIENT}&kind=ASYSTOLE", name="dr-2") as shown:
        link = shown.get_by_role("link", name=alarm["text"])
        link.focus()
        shown.keyboard.press("Enter")
        expect(shown.locator(".strip canvas").first).to_have_attribute(
            "aria-label", re.compile("beats .*N")
        )
        shown.get_by_label("Verdict").focus()
        shown.keyboard.type("False")
        shown.keyboard.press("Tab")
        shown.keyboard.type("electrode fell off")
        shown.keyboard.press("Enter")
        said = shown.locator(".said li").first
        expect(said).to_contain_text("False alarm · “electrode fell off” · dr-2")
        assert serious(shown) == []
        shown.reload()
        expect(said).to_contain_text("dr-2")
    with opened(station, f"review?patient={PATIENT}", name="nurse-9") as shown:
        row = shown.get_by_role("row", name=re.compile(alarm["text"]))
        expect(row).to_contain_text("False alarm, dr-2")
        assert serious(shown) == []
    with opened(station, "burden?days=1", timezone_id="Europe/Berlin") as shown:
        row = shown.locator(f"[data-patient={PATIENT}]").get_by_role("row", name="ASYSTOLE")
        expect(row.locator(".false").last).to_have_text("1 (100 %)")
        assert serious(shown) == []


def test_newer_alarms_are_counted_and_shown_on_demand(station):
    """The list stays as it is; a line says how many have come, also to those who hear it, and a key shows them."""
    asystole(station)

    def pause(patient: str) -> None:
        station.post(f"/v1/patients/{patient}/pause", {"by": "nurse-7", "seconds": 60})

    with opened(station, "review?kind=ALARMS_PAUSED") as shown:
        rows, newer = shown.locator("tbody tr"), shown.locator(".newer")
        live, button = newer.get_by_role("status"), newer.get_by_role("button")
        expect(rows).to_have_text("No alarm is like that.")
        expect(shown.locator("#link")).to_have_text("live")
        expect(button).to_be_hidden()
        for count, patient in enumerate(("known-1", "other-2"), 1):
            pause(patient)
            expect(live).to_have_text(f"{count} newer alarm{'s' if count > 1 else ''}")
        expect(rows).to_have_text("No alarm is like that.")
        assert serious(shown) == []
        button.focus()
        shown.keyboard.press("Enter")
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("other-2")
        expect(button).to_be_hidden()
        expect(live).to_be_empty()
        expect(shown.get_by_role("region", name="Alarms")).to_be_focused()
    with opened(station, "review?kind=ALARMS_PAUSED&patient=known-1") as shown:
        expect(shown.locator("tbody tr")).to_have_count(1)
        expect(shown.locator("#link")).to_have_text("live")
        for patient in ("other-2", "known-1"):  # told in this order
            pause(patient)
        expect(shown.locator(".newer").get_by_role("status")).to_have_text("1 newer alarm")


def test_a_strip_that_is_not_stored_yet_comes_by_itself(station):
    """Opened in the first seconds of the alarm: words in place of the strip, then the strip."""
    alarm = asystole(station)
    early = alarm | {"strip": None, "onset_time": time.time()}
    with opened(station, "review") as shown:
        shown.route("**/v1/alarms/*", lambda route: route.fulfill(json=early))
        shown.goto(f"http://127.0.0.1:{station.port}/#/review/{alarm['id']}")
        expect(shown.locator(".strip")).to_contain_text("Its strip comes")
        shown.unroute("**/v1/alarms/*")
        expect(shown.locator(".strip canvas").first).to_be_visible()


def test_the_list_and_the_strip_can_be_kept_as_files(station):
    """The list as CSV, the strip as CSV in millivolts with its beats, and as a WFDB record."""
    alarm = asystole(station)
    with opened(station, f"review?patient={PATIENT}") as shown:
        with shown.expect_download() as listed:
            shown.get_by_role("button", name="Export this list").click()
        assert alarm["id"] in listed.value.path().read_text()
        shown.get_by_role("link", name=alarm["text"]).click()
        with shown.expect_download() as strip:
            shown.get_by_role("button", name="Strip as CSV").click()
        assert strip.value.path().read_text().startswith("sample,seconds,II_mV,beat")
        with shown.expect_download() as record:
            shown.get_by_role("button", name="Strip as WFDB").click()
        assert record.value.path().read_bytes().startswith(b"PK")


def test_a_printed_strip_is_black_on_white_in_real_millimetres(station):
    """Ten seconds take 250 mm beside the margin of 7; patient, bed, alarm, scale and notice are there."""
    alarm = asystole(station)
    with opened(station, f"review/{alarm['id']}") as shown:
        expect(shown.locator(".strip canvas").first).to_be_visible()
        shown.emulate_media(media="print")
        sheet = shown.locator(".sheet")
        for words in (alarm["text"], PATIENT, "ICU 7", "25 mm/s, 10 mm/mV", "Not a medical device"):
            expect(sheet).to_contain_text(words)
        box = sheet.locator("canvas").first.bounding_box()
        assert box is not None
        assert box["width"] / MM == pytest.approx(257, abs=0.5)
        corner = "canvas => [...canvas.getContext('2d').getImageData(2, 2, 1, 1).data]"
        assert min(sheet.locator("canvas").first.evaluate(corner)) > 200
        expect(shown.locator(".frame-head")).to_be_hidden()


def test_a_phone_shows_the_pages_without_scrolling_sideways(station):
    """At 390 pixels nothing is wider than the page; it says that it is no medical device."""
    alarm = asystole(station)
    phone = {"width": 390, "height": 844}
    places = ("review", f"review/{alarm['id']}", f"disclosure/{PATIENT}", "upload", "burden")
    with opened(station, "classifier", viewport=phone) as shown:
        for place in places:
            shown.goto(f"http://127.0.0.1:{station.port}/#/{place}")
            expect(shown.locator("h1")).to_be_visible()
            expect(shown.locator("[aria-busy]")).to_have_count(0)
            wide = shown.locator("main").evaluate("main => main.scrollWidth - main.clientWidth")
            assert (place, wide) == (place, 0)
            expect(shown.locator("footer")).to_contain_text("Not a medical device")
