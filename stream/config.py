"""Settings of the server: defaults that work as they are, each overridable by BEATWIRE_<NAME>."""

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

DAY = 86_400.0
MAX_PORT = 65535
MAX_HOLD = 30.0
"""Seconds; a device may have a ring of no more than a minute."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may change.

    Attributes:
        folder: where log and store live.
        store: URL of the store (`postgresql+psycopg://user:password@host/name`); empty: an SQLite
            file in the folder.
        host, port: where the gateway listens; loopback unless told otherwise.
        token: credential that devices, subscribers and commands must show; empty: none asked.
        model, interval_model: folders of model bundles, the first also an address in an MLflow
            registry (models:/NAME@ALIAS); empty: those that ship.
        max_connections: devices and subscribers at once, each.
        cors_origins: other sites whose pages may use this server, such as
            "https://ward.example", separated by commas; empty: none.
        requests_per_second: of one client over HTTP, in the long run; 0: no limit.
        max_body_bytes: of a request's body.
        max_upload_bytes: of the body of a request that carries a file.
        credit: blocks that a device may have in flight.
        hold_seconds: for how long an acknowledgement is held back, at most, while the analysis is
            behind; 0: never; up to 30.
        queue_messages: messages waiting for one slow subscriber before waveform is dropped.
        leads: of a patient that are analysed: 2, so that one is heard where the other fails, or 1.
        max_patients: patients of one worker at once; memory is bounded, whatever names come.
        checkpoint_seconds: stream seconds between two checkpoints of a patient.
        realarm_seconds: after which an acknowledged alarm of high priority sounds again if its
            condition still holds; 0: never. One value for all workers of a cluster.
        keep_samples, keep_events, keep_alarms, keep_trends, keep_feedback: seconds of retention by class.
        max_sample_bytes, max_event_bytes: size at which the oldest go, whatever their age.
        max_record_bytes: of an uploaded record on the disk, and of what an archive unpacks to.
        max_uploads_waiting: files that are received or wait to be analysed; more are refused (429).
        max_uploads_kept: results that can be read; beyond them the oldest go.
        keep_uploads: seconds after which a result is dropped.
        upload_seconds: what the analysis of a file may take.
        upload_memory: bytes of data of the process that analyses files.
        drift_limit: population stability index above which the beats of a day are told from those of
            training.
        drift_beats: beats of a day below which nothing is told.
        log_level: of the server's own log.
        kafka: brokers as host:port, with commas between; empty: the log is in the folder.
        kafka_prefix: put before the topics' names.
        kafka_security: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        kafka_mechanism, kafka_username, kafka_password: for SASL.
        kafka_ca, kafka_certificate, kafka_key: files for TLS: authorities, and our own pair.
        session_seconds: a worker of a cluster that gives no sign for so long is replaced; brokers
            ask for 6 s at least, and heartbeats come ten times as often.
        member: name of a worker of a cluster that keeps its patients while it is restarted within
            session_seconds; empty: it hands them over to the others when it ends.
    """

    folder: Path = Path("data")
    store: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    token: str = field(default="", repr=False)
    model: str = ""
    interval_model: str = ""
    max_connections: int = 4096
    cors_origins: str = ""
    requests_per_second: float = 2000.0
    max_body_bytes: int = 16_000_000
    max_upload_bytes: int = 4_000_000_000
    credit: int = 32
    hold_seconds: float = 5.0
    queue_messages: int = 1024
    leads: int = 2
    max_patients: int = 10_000
    checkpoint_seconds: float = 10.0
    realarm_seconds: float = 180.0
    keep_samples: float = 3 * DAY
    keep_events: float = 30 * DAY
    keep_alarms: float = 365 * DAY
    keep_trends: float = 30 * DAY
    keep_feedback: float = 3 * 365 * DAY
    max_sample_bytes: int = 20_000_000_000
    max_event_bytes: int = 4_000_000_000
    max_record_bytes: int = 1_000_000_000
    max_uploads_waiting: int = 8
    max_uploads_kept: int = 32
    keep_uploads: float = 3600.0
    upload_seconds: float = 900.0
    upload_memory: int = 2_000_000_000
    drift_limit: float = 0.25
    drift_beats: int = 10_000
    log_level: str = "info"
    kafka: str = ""
    kafka_prefix: str = ""
    kafka_security: str = "PLAINTEXT"
    kafka_mechanism: str = "PLAIN"
    kafka_username: str = ""
    kafka_password: str = field(default="", repr=False)
    kafka_ca: str = ""
    kafka_certificate: str = ""
    kafka_key: str = ""
    session_seconds: float = 8.0
    member: str = ""

    def __post_init__(self) -> None:
        if "*" in self.cors_origins:
            raise ValueError("cors_origins: name the sites; a page of any site is never let in")
        if not 0.0 <= self.realarm_seconds < math.inf:
            raise ValueError(f"realarm_seconds: {self.realarm_seconds:g} is no time; 0 is never")
        if not 0.0 <= self.hold_seconds <= MAX_HOLD:
            raise ValueError(f"hold_seconds: {self.hold_seconds:g} is not from 0 to {MAX_HOLD:g}")
        if not 0 <= self.port <= MAX_PORT:
            raise ValueError(f"port: {self.port} is not from 0 to {MAX_PORT}")
        if self.log_level.upper() not in logging.getLevelNamesMapping():
            raise ValueError(
                f"log_level: {self.log_level!r} is none; info is usual, debug, warning"
            )
        if self.leads not in {1, 2}:
            raise ValueError(f"leads: 1 or 2 are analysed, not {self.leads}")

    @property
    def origins(self) -> frozenset[str]:
        """The sites of `cors_origins`."""
        named = (origin.strip().rstrip("/") for origin in self.cors_origins.split(","))
        return frozenset(filter(None, named))

    @property
    def store_place(self) -> str | Path:
        """Where the store is."""
        return self.store or self.folder / "store.db"

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ, **given: Any) -> Self:
        """Defaults, then the environment, then what was given (None: not given).

        Raises:
            ValueError: a variable that cannot be read, with its name.
        """
        settings = cls()
        found: dict[str, Any] = {}
        for setting in fields(cls):
            name = _variable(setting.name)
            if name in environ:
                found[setting.name] = _parse(name, environ[name], getattr(settings, setting.name))
        found |= {name: value for name, value in given.items() if value is not None}
        return replace(settings, **found)

    def variables(self) -> dict[str, str]:
        """The environment of which `load` makes the same settings."""
        names = [setting.name for setting in fields(self)]
        return {_variable(name): str(getattr(self, name)) for name in names}


def _variable(name: str) -> str:
    return f"BEATWIRE_{name.upper()}"


def _parse(name: str, text: str, default: object) -> object:
    """`text` as the type of the default."""
    try:
        return type(default)(text)  # type: ignore[call-arg]
    except ValueError:
        kind = "whole number" if isinstance(default, int) else "number"
        raise ValueError(f"{name}={text!r}: not a {kind}") from None
