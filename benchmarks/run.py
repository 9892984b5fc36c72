"""The long figures, one after the other: `make benchmark`, or some: `make benchmark ARGS='engine'`.

accuracy   EC57 end to end on mitdb, QRS on svdb patients that the detector never saw (the beat model did),
           and alarms: annotate, then evaluate; classes on annotated R peaks, and with the next RR
noise      EC57's noise stress with 118 and 119, and alarms in noise
leads      beats while the first of two leads fails
afib       atrial fibrillation in strips of many people
engine     cost per patient with 10 to 10,000 patients
log        appends, reads, latency of the embedded log
log_kafka  the same of the log on Kafka, against plain aiokafka
worker     cost of a worker's turn per patient: log, engine, events, store
predict    latency and rows a second of verdicts over HTTP
upload     a 24 h Holter as CSV, EDF and WFDB: times real time, memory
dashboard  frames a second and heap of the page with 32 beds, in ten minutes
cluster    a worker on Kafka and PostgreSQL: patients per core, commits, hand-over
replay     mitdb 208, 232 and 100 whole, at 20x, against a running server
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from inference.training.records import HELD_OUT

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("BEATWIRE_DATA", "data"))


def command(*words: object) -> None:
    """Print and run a command; a failure ends everything."""
    line = [str(word) for word in words]
    print(f"\n$ {' '.join(line)}", flush=True)
    subprocess.run(line, check=True, env=os.environ | {"PYTHONPATH": str(HERE.parent)})


def beatwire(*words: object) -> None:
    """A subcommand."""
    command(sys.executable, "-m", "stream.cli", *words)


def accuracy() -> None:
    """Every record of mitdb through the live pipeline, scored."""
    records = sorted(path.with_suffix("") for path in (DATA / "mitdb").glob("*.dat"))
    with tempfile.TemporaryDirectory() as folder:
        beatwire("annotate", *records, "--output", folder)
        beatwire("evaluate", folder, "--reference", DATA / "mitdb")
        beatwire("evaluate", folder, "--reference", DATA / "mitdb", "--records", "DS2", "--ej-as-n")
        beatwire("evaluate", folder, "--reference", DATA / "mitdb", "--alarms")
        unseen = [DATA / "svdb" / name for name in HELD_OUT]
        beatwire("annotate", *unseen, "--output", folder)
        names = [path.name for path in unseen]
        beatwire("evaluate", folder, "--reference", DATA / "svdb", "--records", *names, "--ej-as-n")
    command(sys.executable, HERE / "classes.py")
    command(sys.executable, HERE / "classes.py", "--next-rr")


def noise() -> None:
    """Beats and alarms in noise."""
    command(sys.executable, HERE / "noise.py", "beats")
    command(sys.executable, HERE / "noise.py", "alarms")


def leads() -> None:
    """The second lead."""
    command(sys.executable, HERE / "leads.py")


def afib() -> None:
    """Strips of AF and of other rhythms."""
    command(sys.executable, HERE / "afib.py")


def engine() -> None:
    """The bank."""
    command(sys.executable, HERE / "engine.py", "--block", 1.0)
    command(sys.executable, HERE / "engine.py", "--block", 0.1)


def log() -> None:
    """The embedded log."""
    command(sys.executable, HERE / "log.py")


def log_kafka() -> None:
    """The log on Kafka."""
    command(sys.executable, HERE / "log_kafka.py")


def worker() -> None:
    """The whole worker."""
    command(sys.executable, HERE / "worker.py", "--patients", 100)
    command(sys.executable, HERE / "worker.py", "--patients", 1000)


def predict() -> None:
    """Verdicts over HTTP."""
    command(sys.executable, HERE / "predict.py")


def upload() -> None:
    """Files."""
    command(sys.executable, HERE / "upload.py")


def dashboard() -> None:
    """The page with a full ward."""
    command(sys.executable, HERE / "dashboard.py")


def cluster() -> None:
    """A worker of a cluster."""
    command(sys.executable, HERE / "cluster.py")


def replay() -> None:
    """Whole records at 20x, as the system test does with their first minutes."""
    os.environ["BEATWIRE_REPLAY_SECONDS"] = "1806"
    test = HERE.parent / "tests/system/test_real_records.py"
    command(sys.executable, "-m", "pytest", "-q", "--timeout", 900, test)


ALL: dict[str, Callable[[], None]] = {
    "accuracy": accuracy,
    "noise": noise,
    "leads": leads,
    "afib": afib,
    "engine": engine,
    "log": log,
    "log_kafka": log_kafka,
    "worker": worker,
    "predict": predict,
    "upload": upload,
    "dashboard": dashboard,
    "cluster": cluster,
    "replay": replay,
}


def main() -> None:
    """Run what was named, or everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(ALL))
    for name in parser.parse_args().names or ALL:
        ALL[name]()


if __name__ == "__main__":
    main()
