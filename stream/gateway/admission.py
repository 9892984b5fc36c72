"""What an admission leaves unsaid, and whether the bed is free: from the admissions that are done."""

from collections.abc import Iterable
from typing import TypeVar

from msgspec import UNSET, UnsetType

from ecg.messages import Location, Patient
from stream.gateway.problems import Refusal
from stream.store import Admission, Store

T = TypeVar("T")


def known(store: Store, present: Iterable[Admission], patient: str) -> tuple[Patient, Location]:
    """Who a patient is and where, as last admitted; as the device says if they are not `present`."""
    for one in present:
        if one.admit.patient == patient:
            return one.admit.profile, one.admit.location
    bed, _ = store.history.beds().get(patient, (None, 0.0))
    if bed is None:
        return Patient(patient), Location()
    return bed.profile, Location(bed.unit, bed.bed)


def either(given: T | UnsetType, known: T) -> T:
    """What was given, or what is known."""
    return known if given is UNSET else given


def refuse_occupied(present: Iterable[Admission], patient: str, place: Location) -> None:
    """Two patients in one bed are told apart by nobody who reads the bed.

    Raises:
        Refusal: somebody else has been admitted to this bed, and was not discharged.
    """
    for other in present:
        if place.bed and other.admit.patient != patient and other.admit.location == place:
            text = f"{other.admit.patient} lies in {place}"
            raise Refusal(409, "occupied", text, field="bed", limit="one patient in a bed")
