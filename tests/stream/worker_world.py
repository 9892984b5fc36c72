"""A minute of four patients and of what people ask, as the gateway's log has it."""

import functools
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "engine"))

import numpy as np
from synthesis import Spell, blocks, signal
from worker_rig import START, House, entry

from ecg import messages as m
from ecg.types import Category, Lead
from stream.log import Entry, Topic

SCRIPTS: dict[str, tuple[Spell, ...]] = {
    "vt": (Spell(12, 70), Spell(8, 160, "V"), Spell(30, 75)),
    "asystole": (Spell(15, 70), Spell(8, 0), Spell(27, 70)),
    "steady": (Spell(50, 65),),
    "slow": (Spell(50, 30),),
}
SECONDS = 50


@functools.cache
def ecg(name: str, seconds: int = SECONDS) -> np.ndarray:
    """The signal of a script."""
    return signal(SCRIPTS[name])[: seconds * 250]


def hello(patient: str, session: str = "s", **profile: Any) -> m.Hello:
    """What a device says first."""
    return m.Hello(
        device=m.DeviceInfo(f"device-{patient}"),
        session=session,
        patient=m.Patient(patient, **profile),
        rate=250.0,
        leads=(Lead.II,),
        uv_per_lsb=(5.0,),
    )


def stream(
    name: str, patient: str, size: int = 250, begin: float = 0.0, session: str = "s"
) -> list[tuple[float, Any]]:
    """A device's blocks, each when it is complete, `begin` seconds after the start."""
    made = blocks(ecg(name), [size], patient=patient, session=session)
    return [(START + begin + block.end / 250 + 0.05, block) for block in made]


def world() -> list[tuple[float, str, Any]]:
    """Times, topics and messages, in the order of time.

    `vt` has a ventricular tachycardia, seen by a nurse while it lasts; `asystole` a pause of 8 s;
    `child` is greeted, changes its session at 20 s, loses 5 s of signal and says goodbye; `gone`
    falls silent at 15 s; something that is no message lies between.
    """
    child = stream("steady", "child")
    second = [
        (at + 20, block)
        for at, block in stream("slow", "child", session="s2")
        if not 10 <= block.first / 250 < 15
    ]
    samples = [
        (START + 0.01, hello("child", category=Category.NEONATAL)),
        *stream("vt", "vt", 200),
        *stream("asystole", "asystole", 500),
        *[(at, block) for at, block in child if at < START + 19],
        (START + 19.5, hello("child", "s2", category=Category.PAEDIATRIC)),
        *[(at, block) for at, block in second if at < START + 48],
        (START + 49.0, m.Goodbye(patient="child", session="s2", end=27 * 250)),
        *[(at, block) for at, block in stream("steady", "gone") if at < START + 15],
        (START + 7.7, Entry("vt", b"no message")),
        (START + 8.7, Entry("vt", entry(hello("another")).value)),
    ]
    by = {"by": "nurse", "at": START}
    seen = m.Acknowledge(id="c1", patient="vt", alarm="", note="seen", **by)
    profile, bed = m.Patient("gone", category=Category.PAEDIATRIC), m.Location("ICU", "1")
    commands = [
        (START + 18.33, seen),
        (START + 18.66, Entry("vt", b"no command")),
        (START + 22.1, m.PauseAudio(id="c2", patient="asystole", seconds=10, **by)),
        (START + 25.0, m.SetLimits(id="c3", patient="vt", low=40, high=70, **by)),
        (START + 25.5, m.Admit(id="c4", patient="gone", profile=profile, location=bed, **by)),
        (START + 30.0, seen),
        (START + 31.0, m.Acknowledge(id="c5", patient="vt", alarm="none", **by)),
        (START + 45.0, m.Discharge(id="c6", patient="gone", **by)),
    ]
    found = [(at, Topic.SAMPLES, message) for at, message in samples]
    found += [(at, Topic.COMMANDS, command) for at, command in commands]
    return sorted(found, key=lambda item: item[0])


async def fill(house: House, after: float = -1.0, until: float = 1e9) -> None:
    """Append what is due later than `after`, up to `until` seconds from the start."""
    for at, topic, message in world():
        if START + after < at <= START + until:
            await house.put(at, message, topic=topic)
