"""What `beatwire watch` prints: JSON lines and the table."""

import argparse
import asyncio
import io
import json
import os
import re
import time

import msgspec
import pytest
from test_subscriber import SNAPSHOT, alarm, beat, event, playing

from client import watch
from client.subscriber import Subscriber
from client.table import STALE_SECONDS, Table
from client.watch import _draw, complaining, configure, draw_table, print_lines, run
from ecg import messages as m
from ecg.types import Priority

ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def plain(lines: list[str]) -> list[str]:
    return [ANSI.sub("", line) for line in lines]


def vitals(heart_rate: float | None = 72.4, patient: str = "p") -> m.Event:
    inner = m.Vitals(
        patient=patient,
        session="s",
        sample=250,
        time=1.0,
        heart_rate=heart_rate,
        v_per_minute=None,
        rhythm="SINUS",
        quality=1.0,
    )
    return event(1, inner)


def changed(update: m.Alarm, **fields) -> m.Alarm:
    values = {name: getattr(update, name) for name in update.__struct_fields__}
    return m.Alarm(**(values | fields))


def test_a_line_shows_rate_rhythm_and_beats():
    """Heart rate without decimals, QTc by Fridericia, the classes of the last beats in order."""
    table = Table()
    for item in [SNAPSHOT, event(1, beat(1)), event(2, beat(200)), vitals()]:
        table.take(item, 0.0)
    _, line, foot = plain(table.lines(1.0, 80, 10))
    assert line.split() == ["p", "72", "--", "SINUS", "NN"]
    measured = msgspec.structs.replace(vitals().event, qtc_fridericia_ms=412.4)
    table.take(event(3, measured), 0.0)
    assert table.lines(1.0, 80, 10)[1].split()[:3] == ["p", "72", "412"]
    assert foot.startswith("3 events")


def test_what_is_not_known_is_not_shown():
    """No heart rate: dashes; vitals too old: no heart rate."""
    table = Table()
    table.take(vitals(None), 0.0)
    assert table.lines(1.0, 80, 10)[1].split()[1] == "--"
    table.take(vitals(60.0), 0.0)
    assert table.lines(STALE_SECONDS, 80, 10)[1].split()[1] == "60"
    assert table.lines(STALE_SECONDS + 0.1, 80, 10)[1].split()[1] == "--"


def test_alarms_come_go_and_are_reset_by_a_snapshot():
    """In colour while it is active or sounds, ended gone; a snapshot is the whole truth."""
    table = Table()
    table.take(event(1, alarm(1)), 0.0)
    assert "\x1b[97;41m VT " in table.lines(0.0, 80, 10)[1]
    table.take(event(2, changed(alarm(2), state="latched")), 0.0)
    assert "\x1b[97;41m VT (latched) " in table.lines(0.0, 80, 10)[1]
    table.take(event(2, changed(alarm(2), state="latched", silenced=True)), 0.0)
    assert table.lines(0.0, 80, 10)[1].endswith(" VT (latched) ")
    table.take(event(2, alarm(1)), 0.0)  # older than what is known
    assert table.lines(0.0, 80, 10)[1].endswith(" VT (latched) ")
    table.take(event(3, changed(alarm(3), state="ended")), 0.0)
    assert "VT" not in table.lines(0.0, 80, 10)[1]
    table.take(m.Snapshot(cursor="9", alarms=(alarm(1),)), 0.0)
    assert "VT" in table.lines(0.0, 80, 10)[1]
    table.take(SNAPSHOT, 0.0)
    assert "VT" not in table.lines(0.0, 80, 10)[1]


def test_urgent_patients_stand_on_top_and_the_rest_is_counted():
    """Ten patients in a window of five lines: the one with an alarm first, seven unseen."""
    table = Table()
    for i in range(10):
        table.take(vitals(patient=f"p{i}"), 0.0)
    table.take(event(1, changed(alarm(1), patient="p8", priority=Priority.LOW)), 0.0)
    lines = plain(table.lines(0.0, 80, 5))
    assert [line.split()[0] for line in lines[1:4]] == ["p8", "p0", "p1"]
    assert "7 more patients" in lines[-1]


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width):
    """Alarms that do not fit are left out whole, the least urgent first."""
    table = Table()
    table.take(event(1, changed(alarm(1), text="Ventricular tachycardia")), 0.0)
    table.take(event(2, changed(alarm(1, "b"), text="Low", priority=Priority.LOW)), 0.0)
    lines = plain(table.lines(0.0, width, 10))
    assert all(len(line) <= width for line in lines)
    assert ("tachycardia" in lines[1]) == (width > 80)


NIGHT = 1_700_000_000.0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "*** Ventricular tachycardia  171 /min, limit 100"),
        ({"silenced": True}, "171 /min, limit 100, silent"),
        ({"flags": ("realarm",)}, "171 /min, limit 100, again"),
        ({"state": "acknowledged", "silenced": True}, "limit 100, seen by nurse-7 {seen}"),
        ({"state": "latched"}, "over, acknowledge to clear (seen by nurse-7 {seen})"),
        (
            {"state": "latched", "ended_time": NIGHT + 30},
            "over 03:58:50, acknowledge to clear (seen by nurse-7 {seen})",
        ),
        ({"kind": "LEADS_OFF", "text": "Leads off", "value": None}, "!! Leads off"),
        ({"kind": "ALARMS_PAUSED", "value": 120.0, "measure": "s"}, "until 04:00:20"),
        ({"value": 4.05, "measure": "s", "limit": None}, "tachycardia  4.0 s"),
    ],
)
def test_each_alarm_says_when_who_what_and_who_has_seen_it(fields, words, monkeypatch):
    """For a person at three in the morning: in words, in local time."""
    monkeypatch.setenv("TZ", "Asia/Kathmandu")  # 5:45 h ahead
    time.tzset()
    seen = {"acknowledged_by": "nurse-7", "acknowledged_at": NIGHT + 61}
    judged = {"value": 171.2, "limit": 100.0, "measure": "/min", "text": "Ventricular tachycardia"}
    place = {"patient": "demo-3", "unit": "ICU", "bed": "3", "onset_time": NIGHT}
    known = seen if fields.get("state") else {}
    table = Table()
    table.take(event(1, changed(alarm(1), **(judged | place | known | fields))), 0.0)
    line = plain(table.lines(0.0, 140, 10))[3].rstrip()
    monkeypatch.undo()
    time.tzset()
    assert line.startswith("03:58:20 demo-3  ICU 3 ")
    assert line.endswith(words.format(seen="03:59:21"))


@pytest.mark.parametrize("width", [60, 80])
def test_what_a_person_is_to_do_is_never_cut(width):
    """The longest names and words there are, in a narrow window: all of them, on further lines."""
    table = Table()
    latched = {"state": "latched", "ended_time": NIGHT, "acknowledged_at": NIGHT}
    who = {"acknowledged_by": "nurse-7 of the night", "patient": "patient-with-a-long-name"}
    where = {"unit": "Intensive care", "bed": "12", "text": "Ventricular tachycardia"}
    judged = {"value": 171.2, "limit": 100.0, "measure": "/min"}
    for name in ("a", "b"):
        table.take(event(1, changed(alarm(1, name), **(latched | who | where | judged))), 0.0)
    table.take(m.Problem(code="expired", text=f"{'so ' * 25}begin anew", fatal=False), 0.0)
    lines = plain(table.lines(0.0, width, 24))
    assert all(len(line) <= width for line in lines)
    told = " ".join(" ".join(lines).split())
    assert told.count("*** Ventricular tachycardia 171 /min, limit 100, over") == 2
    assert told.count("acknowledge to clear (seen by nurse-7 of the night") == 2
    assert told.endswith("so begin anew")


def test_an_alarm_that_needs_more_lines_than_there_are_is_counted():
    """Two alarms of two lines each: in a window for one, the other is told at the foot."""
    table = Table()
    for name in ("a", "b"):
        one = changed(alarm(1, name), state="latched", text="Ventricular tachycardia", bed="b" * 12)
        table.take(event(1, one), 0.0)
    assert "more" not in table.lines(0.0, 60, 8)[-1]
    lines = plain(table.lines(0.0, 60, 7))
    assert "\n".join(lines).count("acknowledge to clear") == 1
    assert lines[-1].endswith(", 1 more alarm")
    assert len(lines) <= 7


@pytest.mark.parametrize("connected", [False, True])
def test_the_first_line_says_how_to_end_in_a_narrow_window(connected, monkeypatch):
    """Sixty columns: the state, that it is no medical device, and the key."""
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((60, 24)))
    out = io.StringIO()
    _draw(Table(), out, 0.0, connected=connected)
    first = plain(out.getvalue().split("\r\n"))[0]
    assert first.endswith("not a medical device  Ctrl-C ends")
    assert first.startswith("NO CONNECTION") != connected


def test_what_sounds_stands_above_what_somebody_has_seen():
    """A medium alarm that sounds before a high one that does not; a suppressed one not at all."""
    table = Table()
    seen = changed(alarm(1, "seen"), state="acknowledged", silenced=True)
    new = changed(alarm(1, "new"), text="SVT", priority=Priority.MEDIUM, patient="q")
    covered = changed(alarm(1, "less"), text="Pair", suppressed_by="VTACH", silenced=True)
    for one in (seen, covered, new):
        table.take(event(1, one), 0.0)
    lines = plain(table.lines(0.0, 120, 20))
    listed = [line.split()[1] for line in lines[4:-1]]
    assert listed == ["q", "p"]
    assert "Pair" not in "".join(lines)


def test_many_patients_leave_room_for_the_alarms_and_many_alarms_for_the_patients():
    """Half of the window each, and what is not shown is counted."""
    table = Table()
    for i in range(30):
        table.take(vitals(patient=f"p{i}"), 0.0)
        table.take(event(1, changed(alarm(1, f"a{i}"), patient=f"p{i}")), 0.0)
    lines = plain(table.lines(0.0, 120, 22))
    assert len(lines) == 22
    assert sum("***" in line for line in lines) == 9
    assert "20 more patients, 21 more alarms" in lines[-1]


def test_text_from_the_wire_cannot_steer_the_terminal():
    """Escape sequences in an alarm's text or a problem are shown as question marks."""
    table = Table()
    table.take(event(1, changed(alarm(1), text="VT\x1b]0;x\x07")), 0.0)
    table.take(m.Problem(code="c", text="a\x1b[2Jb", fatal=False), 0.0)
    lines = plain(table.lines(0.0, 120, 10))
    assert "VT?]0;x?" in lines[1]
    assert "a?[2Jb" in lines[-1]


def test_a_gap_shows_in_the_row_of_beats():
    """A dot stands where samples are missing."""
    table = Table()
    gap = m.Gap(patient="p", session="s", first=0, end=9)
    for inner in (beat(1), gap, beat(2)):
        table.take(event(1, inner), 0.0)
    assert "N·N" in table.lines(0.0, 80, 10)[1]


def test_json_lines_are_the_events_with_their_cursors():
    """Snapshot first, then each event once; the end comes with silence."""

    async def main() -> str:
        out = io.StringIO()
        async with playing([SNAPSHOT, event(11, beat(5)), event(12, alarm(1))]) as script:
            await print_lines(Subscriber(script.url), out, until_idle=0.1)
        return out.getvalue()

    lines = [json.loads(line) for line in asyncio.run(main()).splitlines()]
    assert [line["type"] for line in lines] == ["snapshot", "event", "event"]
    assert [line["cursor"] for line in lines] == ["10", "11", "12"]
    assert lines[1]["event"]["class"] == "N"
    assert lines[2]["event"]["kind"] == "VTACH"


def test_a_server_that_restarts_is_not_idle():
    """The pause before the reconnect is longer than the silence that would end the command."""

    async def main() -> str:
        out = io.StringIO()
        async with playing([], [], [SNAPSHOT, event(11, beat(5))]) as script:
            await print_lines(Subscriber(script.url), out, until_idle=0.04)
        return out.getvalue()

    assert len(asyncio.run(main()).splitlines()) == 2


def test_a_server_that_does_not_answer_is_told_of(monkeypatch):
    """Lines that do not come look like a quiet ward."""
    monkeypatch.setattr(watch, "PATIENCE_SECONDS", 0.01)
    said = asyncio.Event()

    class Err(io.StringIO):
        def write(self, text):
            said.set()
            return super().write(text)

    err, url = Err(), "ws://127.0.0.1:9"
    asyncio.run(asyncio.wait_for(complaining(said.wait(), Subscriber(url), url, err), 10))
    assert err.getvalue() == f"beatwire watch: no answer from {url}, trying again\n"


def test_the_table_is_drawn_until_idle_and_leaves_the_terminal_as_it_was():
    """Enter the other screen, draw, leave it."""

    async def main() -> str:
        out = io.StringIO()
        async with playing([SNAPSHOT, event(11, alarm(1))]) as script:
            await draw_table(Subscriber(script.url), out, until_idle=0.1)
        return out.getvalue()

    text = asyncio.run(main())
    assert text.startswith("\x1b[?1049h")
    assert text.endswith("\x1b[?1049l")
    assert " VT " in text


def test_the_command_prints_lines_where_there_is_no_terminal(capsys):
    """A pipe gets JSON without asking."""

    async def main() -> int:
        async with playing([SNAPSHOT]) as script:
            parser = argparse.ArgumentParser()
            configure(parser)
            args = parser.parse_args(["--url", script.url, "--until-idle", "0.05"])
            return await asyncio.to_thread(run, args)

    assert asyncio.run(main()) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "snapshot"


def test_the_command_explains_a_refusal(capsys):
    """One line, status 1."""

    async def main() -> int:
        async with playing([m.Problem(code="unauthorized", text="no")]) as script:
            parser = argparse.ArgumentParser()
            configure(parser)
            return await asyncio.to_thread(run, parser.parse_args(["--url", script.url]))

    assert asyncio.run(main()) == 1
    assert capsys.readouterr().err == "beatwire watch: unauthorized: no\n"
