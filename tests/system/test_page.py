"""The central station in a real browser, against a real server with simulated beds."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import page
from playwright.sync_api import Page, expect
from ward_page import INK, RATE, UV_PER_LSB, SimulatedWard, off_trace, send

MOVES = """async canvas => {
  const ink = () => canvas.getContext('2d')
    .getImageData(0, 0, canvas.width, canvas.height).data.reduce((sum, v, i) => sum + v * (i % 997), 0);
  const before = ink();
  while (ink() === before) await new Promise(requestAnimationFrame);
  return before > 0;
}"""
"""Waits until the canvas shows something else; whether it showed anything before."""

WATCH_ALARMS = """() => {
  window.seen = {};
  new MutationObserver(() => {
    for (const chip of document.querySelectorAll('.sector .chip')) {
      const key = chip.closest('.sector').dataset.patient + ' ' + chip.textContent;
      window.seen[key] ??= Date.now() / 1000;
    }
  }).observe(document.querySelector('#page'), {subtree: true, childList: true});
}"""
"""Notes when each alarm's chip first stood on the page, on the machine's clock."""

FIT_ALARMS = """async ([kinds, width]) => {
  const {AlarmLine} = await import('/dashboard/pages/sector_alarms.js');
  const line = new AlarmLine();
  const sector = document.createElement('article');
  sector.className = 'sector';
  sector.style.cssText = `position: fixed; width: ${width}px; height: 110px`;
  sector.append(line.root);
  document.body.append(sector);
  const alarm = (kind, i) => [kind, {
    kind, text: kind, priority: 3, state: 'active', onset_time: i, suppressed_by: '', silenced: false,
  }];
  line.show({alarms: new Map(kinds.map(alarm))}, 0);
  const bottom = line.root.getBoundingClientRect().bottom;
  const seen = [...sector.querySelectorAll('li')].filter(li => li.getBoundingClientRect().top < bottom - 3);
  const more = sector.querySelector('.more').textContent;
  sector.remove();
  return [seen.length, more];
}"""
"""Alarms of these kinds in a sector so many pixels wide: how many are seen, and what is said of others."""

ACKNOWLEDGE_ALL = """async () => {
  const {alarmList} = await import('/dashboard/pages/bed_alarms.js');
  const asked = [];
  const panel = alarmList({acknowledgeAll: (...what) => asked.push(what)}, 'p');
  const alarm = (kind, state = 'active') => [kind, {
    id: kind, update_no: 3, kind, text: kind, priority: 3, state, onset_time: 0, suppressed_by: '', silenced: false,
  }];
  const alarms = new Map([alarm('VTACH'), alarm('ASYSTOLE', 'latched'), alarm('EXTREME_TACHY', 'acknowledged')]);
  panel.show({alarms}, 0);
  alarms.set(...alarm('VFIB'));
  const all = [...panel.root.querySelectorAll('button')].find(button => button.textContent === 'Acknowledge all');
  all.click();
  panel.show({alarms: new Map([alarm('VFIB')])}, 0);
  return [asked, all.hidden];
}"""
"""One presses while a VFIB comes that is not drawn yet: what was asked for; whether the button stands for one alarm."""

PATIENCE = 120_000

PAGES = [
    "#/",
    "#/beds/demo-1",
    "#/review",
    "#/disclosure/demo-1",
    "#/burden",
    "#/upload",
    "#/classifier",
    "#/nowhere",
    "docs",
]

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """Two beds that go from sinus rhythm into tachycardia and back, every half minute."""
    made = SimulatedWard(tmp_path_factory.mktemp("ward"))
    made.start()
    made.admit_beds("sinus:20,tachycardia:40", 2)
    yield made
    made.close()


def top_alarm(station: Page):
    """The banner, once somebody can acknowledge what stands there."""
    button = station.locator("#banner").get_by_role("button", name="Acknowledge")
    button.wait_for(timeout=PATIENCE)
    return station.locator("#banner")


def test_beds_show_rate_rhythm_and_a_trace_that_moves(ward, chromium):
    """Every bed has its place, a heart rate, limits, a moving trace; no medical device, it says."""
    with page(chromium, ward.page) as station:
        beds = station.locator(".sector[data-patient^=demo]")
        expect(beds).to_have_count(2, timeout=PATIENCE)
        for number in range(2):
            expect(beds.nth(number).locator(".rate")).to_have_text(
                re.compile(r"^\d{2,3}$"), timeout=PATIENCE
            )
            expect(beds.nth(number).locator(".place")).to_have_text(f"Ward {number + 1}")
            expect(beds.nth(number).locator(".limits")).to_have_text("120 50", timeout=PATIENCE)
        assert beds.first.locator("canvas").evaluate(MOVES)
        expect(station.locator("footer")).to_contain_text("Not a medical device")
        expect(station.locator("footer")).to_be_in_viewport()


def test_traces_match_the_samples_sent(ward, chromium):
    """Pixel rows lie where a first-order 0.5 Hz high-pass of the samples puts them, by scipy."""
    times = np.arange(int(4 * RATE)) / RATE
    samples = np.rint(200 * np.sign(np.sin(2 * np.pi * 0.7 * times)) * (times % 0.5)).astype("<i2")
    with page(chromium, ward.page) as station:
        station.locator(".sector").first.wait_for(timeout=PATIENCE)
        send(ward.url, "known-1", samples[:, None])
        sector = station.locator(".sector[data-patient=known-1]")
        expect(sector.locator(".lost")).to_contain_text("no signal for", timeout=PATIENCE)
        ink = sector.locator("canvas").evaluate(INK, [0, 1])
    assert off_trace(ink, samples * UV_PER_LSB, 0.6 * ink["height"]) <= 0.01


def test_an_alarm_is_on_the_page_within_a_second_of_its_event(ward, chromium):
    """From `published_at` of an alarm's first message to its chip in the bed's sector."""
    with page(chromium, ward.page) as station:
        station.locator(".sector").first.wait_for(timeout=PATIENCE)
        chips = station.locator(".sector .chip.active", has_text="Heart rate high")
        expect(chips).to_have_count(0, timeout=PATIENCE)
        station.evaluate(WATCH_ALARMS)
        chips.first.wait_for(timeout=PATIENCE)
        known = ward.get("/v1/alarms?kind=HR_HIGH&open_only=true")["alarms"]
        seen = station.evaluate("window.seen")
    started = {alarm["patient"]: alarm for alarm in known if alarm["phase"] == "start"}
    delays = [
        when - started[patient]["published_at"]
        for patient, when in ((key.split()[0], at) for key, at in seen.items() if "** Heart" in key)
    ]
    assert delays
    assert max(delays) < 1.0


@pytest.mark.parametrize(("width", "seen"), [(300, 1), (700, 2), (1600, 3)])
def test_a_sector_says_how_many_alarms_have_no_room(ward, chromium, width, seen):
    """A narrow sector shows the most urgent alarm and counts the others; with room for all, none."""
    kinds = [f"{name} ventricular tachycardia" for name in ("First", "Second", "Third")]
    with page(chromium, ward.page) as station:
        station.locator(".sector").first.wait_for(timeout=PATIENCE)
        for count in range(len(kinds) + 1):
            found = station.evaluate(FIT_ALARMS, [kinds[:count], width])
            shown = min(seen, count)
            assert found == [shown, f"+{count - shown}" if count > shown else ""]


def test_an_acknowledgement_reaches_a_second_page_with_who_did_it(ward, chromium):
    """One viewer acknowledges; the other sees it, by name, and the pause that follows."""
    with (
        page(chromium, ward.page, name="nurse-1") as first,
        page(chromium, f"{ward.page}#/beds/demo-1") as second,
    ):
        top_alarm(first)
        first.goto(f"{ward.page}#/beds/demo-1")
        button = first.locator(".alarm-list").get_by_role("button", name="Acknowledge").first
        button.click(timeout=PATIENCE)
        expect(second.locator(".alarm-list")).to_contain_text("seen by nurse-1", timeout=PATIENCE)
        first.get_by_role("button", name="Pause sound 2 min").last.click()
        expect(second.locator(".page")).to_contain_text(
            re.compile(r"Sound paused by nurse-1: [12]:\d\d left"), timeout=PATIENCE
        )
        first.get_by_role("button", name="End the pause").click()
        expect(second.get_by_role("button", name="End the pause")).to_be_hidden(timeout=PATIENCE)


def test_who_acknowledges_all_says_which_alarms_were_on_the_page(ward, chromium):
    """Those that stood in the bed's list and nobody had seen; not what came and was not drawn yet."""
    with page(chromium, ward.page) as station:
        asked, hidden = station.evaluate(ACKNOWLEDGE_ALL)
    ((patient, seen),) = asked
    assert patient == "p"
    assert sorted((one["alarm"], one["update_no"]) for one in seen) == [
        ("ASYSTOLE", 3),
        ("VTACH", 3),
    ]
    assert hidden, "for one alarm its own button will do"


def test_the_page_is_silent_until_sound_is_enabled_and_says_so(ward, chromium):
    """Before: a visible invitation. After a press: on; a page with no audio device says blocked."""
    with page(chromium, ward.page) as station:
        sound = station.locator("#sound")
        expect(sound).to_have_text("Enable sound")
        expect(sound).to_be_visible()
        sound.click()
        expect(sound).to_have_text(re.compile("Sound on"))


def test_priorities_flash_at_the_rates_of_the_standard(ward, chromium):
    """High 1.4–2.8 Hz, medium 0.4–0.8 Hz (IEC 60601-1-8, table 2); not at all if less motion is asked."""
    period = """level => {
      const chip = document.createElement('span');
      chip.className = `chip ${level} active`;
      document.body.append(chip);
      const style = getComputedStyle(chip);
      return style.animationName === 'none' ? 0 : parseFloat(style.animationDuration);
    }"""
    with page(chromium, ward.page) as station:
        assert 1.4 <= 1 / station.evaluate(period, "high") <= 2.8
        assert 0.4 <= 1 / station.evaluate(period, "medium") <= 0.8
        assert station.evaluate(period, "low") == 0
    with page(chromium, ward.page, reduced_motion="reduce") as calm:
        assert calm.evaluate(period, "high") == 0


def test_the_keyboard_alone_is_enough(ward, chromium):
    """Tab to a bed, Enter opens it; a letter acknowledges; the list of letters opens and closes."""
    with page(chromium, ward.page) as station:
        top_alarm(station)
        station.locator(".sector a").first.wait_for(timeout=PATIENCE)
        for _ in range(30):
            station.keyboard.press("Tab")
            if station.evaluate("document.activeElement.closest('[data-patient=demo-1]') !== null"):
                break
        station.keyboard.press("Enter")
        expect(station.locator("h1")).to_contain_text("Ward 1")
        station.keyboard.press("?")
        expect(station.get_by_role("dialog")).to_contain_text("acknowledge")
        station.keyboard.press("Escape")
        expect(station.get_by_role("dialog")).to_have_count(0)
        text = top_alarm(station).inner_text()
        station.keyboard.press("a")
        expect(station.locator("#banner")).not_to_have_text(text, timeout=PATIENCE)
        station.keyboard.press("o")
        expect(station.locator(".ward")).to_be_visible()


@pytest.mark.parametrize("where", PAGES)
def test_no_page_has_a_serious_accessibility_finding(ward, chromium, where):
    """What axe finds on each page, with the beds live."""
    with page(chromium, ward.page + where) as station:
        station.locator("main").wait_for()
        found = Axe().run(station).response["violations"]
    serious = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in serious] == []


def test_a_deep_link_survives_a_reload(ward, chromium):
    """Speed and gain of a bed are in its address."""
    with page(chromium, f"{ward.page}#/beds/demo-2") as station:
        station.get_by_role("group", name="speed in mm/s").get_by_text("50").click()
        station.reload()
        expect(station.locator("h1")).to_contain_text("demo-2")
        expect(station.get_by_role("button", name="50")).to_have_attribute("aria-pressed", "true")


def test_limits_that_are_refused_say_why_and_good_ones_reach_the_numbers(ward, chromium):
    """The server's problem details stand at the form; the book's answer changes what is shown."""
    with page(chromium, f"{ward.page}#/beds/demo-2") as station:
        form = station.get_by_role("region", name="Heart-rate limits")
        form.get_by_label("High /min").fill("999")
        form.get_by_role("button").click()
        expect(form.get_by_role("status")).to_contain_text("300")
        expect(form.get_by_label("High /min")).to_have_attribute("aria-invalid", "true")
        form.get_by_label("High /min").fill("150")
        form.get_by_role("button").click()
        expect(form.get_by_role("status")).to_contain_text(
            "Limits set by nurse-7", timeout=PATIENCE
        )
        expect(station.locator(".numbers")).to_contain_text("50 – 150", timeout=PATIENCE)


def test_a_phone_shows_one_bed_without_scrolling_sideways(ward, chromium):
    """390 pixels wide: trace and heart rate are on the first screen."""
    size = {"width": 390, "height": 844}
    with page(chromium, f"{ward.page}#/beds/demo-1", viewport=size, device_scale_factor=2) as phone:
        expect(phone.locator(".number-rate dd")).to_be_in_viewport()
        expect(phone.locator(".bed-live canvas")).to_be_in_viewport()
        assert phone.evaluate("document.documentElement.scrollWidth") <= 390
        ratio = "canvas => canvas.width / canvas.clientWidth"
        assert phone.locator(".bed-live canvas").evaluate(ratio) == pytest.approx(2, abs=0.02)


def test_the_page_comes_back_after_the_server_restarts(ward, chromium):
    """With the server gone, what is shown is marked old and has no numbers; later it goes on."""
    with page(chromium, ward.page) as station:
        bed = station.locator(".sector[data-patient=demo-1]")
        expect(bed.locator(".rate")).to_have_text(re.compile(r"^\d+$"), timeout=PATIENCE)
        ward.stop()
        expect(station.locator("#link")).to_contain_text("no connection", timeout=PATIENCE)
        expect(bed).to_have_class(re.compile("stale"), timeout=PATIENCE)
        expect(bed.locator(".rate")).to_have_text("--", timeout=PATIENCE)
        ward.start()
        expect(station.locator("#link")).to_have_text("live", timeout=PATIENCE)
        expect(bed.locator(".rate")).to_have_text(re.compile(r"^\d+$"), timeout=PATIENCE)
        expect(bed).not_to_have_class(re.compile("stale"), timeout=PATIENCE)
