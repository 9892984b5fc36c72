"""`python -m stream.warm`: compile the engine now, so that no start has to wait for it."""

from stream.version import keep_compiled_kernels


def main() -> None:
    """Run some seconds of silence through the pipeline."""
    keep_compiled_kernels()
    from ecg.messages import Block, Goodbye  # noqa: PLC0415 - after the cache folder is set
    from ecg.types import RATE, Lead  # noqa: PLC0415
    from inference import bundle  # noqa: PLC0415
    from inference.classifier import BeatClassifier  # noqa: PLC0415
    from stream.engine.ward import Ward  # noqa: PLC0415

    ward = Ward(BeatClassifier(bundle.load()))
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


if __name__ == "__main__":
    main()
