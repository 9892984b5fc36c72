"""Who is in which bed: the admitted, and those whose devices send without an admission. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from ecg.messages import Location, Patient
from stream.store import Admission, Bed

WATCHED_SECONDS: Final = 60.0
"""A book is kept with every checkpoint, each 10 s of signal: six are missing."""


class Placed(msgspec.Struct):
    """A patient and where they are, since when, watched by which limits (None: not watched)."""

    id: str
    unit: str
    bed: str
    birth_year: int | None
    sex: str | None
    category: str
    paced: str
    admitted_at: float | None
    discharged_at: float | None
    monitored: bool = False
    low: float | None = None
    high: float | None = None
    pvc: float | None = None


def roster(
    admissions: Iterable[Admission],
    beds: Mapping[str, tuple[Bed, float]],
    now: float,
    unit: str = "",
) -> list[Placed]:
    """List everybody by unit and bed.

    Args:
        admissions: of those to be listed even if nobody watches them.
        beds: what alarm books say and when they were kept, by patient.
        now: seconds since 1970.
        unit: only this one, if it is not empty.
    """
    admitted = {one.admit.patient: one for one in admissions}
    watched = {
        name for name, (bed, kept) in beds.items() if bed.streams and now - kept <= WATCHED_SECONDS
    }
    found = [
        _placed(name, admitted.get(name), beds.get(name, (None, 0.0))[0], monitored=name in watched)
        for name in admitted.keys() | watched
    ]
    chosen = [one for one in found if unit in {"", one.unit}]
    return sorted(chosen, key=lambda one: (one.unit, one.bed, one.id))


def _placed(name: str, admission: Admission | None, bed: Bed | None, *, monitored: bool) -> Placed:
    """One line; an admission knows better than the device who it is and where."""
    profile, place = _identity(admission, bed)
    return Placed(
        id=name,
        unit=place.unit,
        bed=place.bed,
        birth_year=profile.birth_year,
        sex=profile.sex,
        category=profile.category,
        paced=profile.paced,
        admitted_at=admission.admit.at if admission is not None else None,
        discharged_at=admission.discharged_at if admission is not None else None,
        monitored=monitored,
        low=bed.low if bed is not None else None,
        high=bed.high if bed is not None else None,
        pvc=bed.pvc if bed is not None else None,
    )


def _identity(admission: Admission | None, bed: Bed | None) -> tuple[Patient, Location]:
    if admission is not None:
        return admission.admit.profile, admission.admit.location
    assert bed is not None  # whoever is listed is admitted or watched
    return bed.profile, Location(bed.unit, bed.bed)
