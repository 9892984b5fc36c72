"""A device's HELLO from what people say of it: names for leads, one gain for all or one for each."""

import uuid
from collections.abc import Sequence

from ecg import messages as m
from ecg.types import Lead


def greeting(
    *,
    patient: str | m.Patient,
    leads: Sequence[str],
    rate: float,
    uv_per_lsb: float | Sequence[float],
    device: str | m.DeviceInfo = "beatwire-sdk",
    session: str = "",
    location: m.Location = m.Location(),  # noqa: B008 - frozen
) -> m.Hello:
    """Who streams what; the arguments are those of `Device`.

    Raises:
        ValueError: a lead that is none.
    """
    gains = (uv_per_lsb,) * len(leads) if isinstance(uv_per_lsb, int | float) else uv_per_lsb
    return m.Hello(
        device=m.DeviceInfo(device) if isinstance(device, str) else device,
        session=session or uuid.uuid4().hex,
        patient=m.Patient(patient) if isinstance(patient, str) else patient,
        rate=float(rate),
        leads=tuple(Lead(lead) for lead in leads),
        uv_per_lsb=tuple(float(gain) for gain in gains),
        location=location,
    )
