"""`python -m stream.warm`: compile the engine now, so that no start has to wait for it."""

from typing import TYPE_CHECKING

from ecg.messages import Block, Goodbye
from ecg.types import RATE, Lead
from stream.version import keep_compiled_kernels

if TYPE_CHECKING:  # its rooms are imported after the cache folder is set
    from stream.engine.ward import Ward


def warm(ward: "Ward") -> None:
    """Run some seconds of silence through a ward: kernels are compiled, or read from the cache."""
    silence = Block(
        patient="nobody",
        session="s",
        seq=0,
        first=0,
        rate=RATE,
        leads=(Lead.II,),
        uv_per_lsb=(1.0,),
        payload=bytes(4 * RATE),
    )
    ward.push([(silence, 2.0), (Goodbye(patient="nobody", session="s", end=2 * RATE), 2.0)])


def main() -> None:
    """Warm a ward that is thrown away."""
    keep_compiled_kernels()
    from inference import bundle  # noqa: PLC0415
    from inference.classifier import BeatClassifier  # noqa: PLC0415
    from stream.engine.ward import Ward  # noqa: PLC0415

    warm(Ward(BeatClassifier(bundle.load())))


if __name__ == "__main__":
    main()
