"""How a Kafka cluster is reached: servers, TLS and credentials, as aiokafka's clients take them."""

import logging
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, Final

from stream.config import Settings

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
REPEAT_SECONDS: Final = 10.0
"""While a broker is away, aiokafka says so ten times a second for each reader."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the cluster is, and who we are there.

    Attributes:
        servers: host:port, or several with commas between.
        protocol: one of `PROTOCOLS`.
        mechanism: one of `MECHANISMS`, for the SASL protocols.
        username, password: credentials for these.
        ca: file with the authorities to trust for TLS; empty for the machine's own.
        certificate, key: files with a certificate of our own and its key, where brokers ask for one.
        prefix: put before the topics' names, where houses share a cluster.

    Raises:
        ValueError: a setting that is none, or one that lacks another.
    """

    servers: str
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""
    certificate: str = ""
    key: str = ""
    prefix: str = ""

    def __post_init__(self) -> None:
        if not self.servers:
            raise ValueError("name Kafka's brokers: --kafka HOST:PORT or BEATWIRE_KAFKA")
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"Kafka security {self.protocol!r}: one of {', '.join(PROTOCOLS)}")
        if self.mechanism not in MECHANISMS:
            raise ValueError(f"SASL mechanism {self.mechanism!r}: one of {', '.join(MECHANISMS)}")
        if self.protocol.startswith("SASL") and not (self.username and self.password):
            raise ValueError(f"Kafka security {self.protocol} needs a username and a password")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("a TLS certificate of our own needs its key, and the key needs it")

    def topic(self, topic: str) -> str:
        """The name that a topic of the house has on the cluster."""
        return self.prefix + topic

    def options(self) -> dict[str, Any]:
        """Arguments of aiokafka's clients.

        Raises:
            OSError: a file of certificates cannot be read.
        """
        found: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "security_protocol": self.protocol,
            "client_id": "beatwire",
        }
        if self.protocol.endswith("SSL"):
            found["ssl_context"] = self._tls()
        if self.protocol.startswith("SASL"):
            found["sasl_mechanism"] = self.mechanism
            found["sasl_plain_username"] = self.username
            found["sasl_plain_password"] = self.password
        return found

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca or None)
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


def connection_of(settings: Settings) -> Connection:
    """The cluster that the settings name.

    Raises:
        ValueError: settings that cannot be.
    """
    return Connection(
        servers=settings.kafka,
        protocol=settings.kafka_security,
        mechanism=settings.kafka_mechanism,
        username=settings.kafka_username,
        password=settings.kafka_password,
        ca=settings.kafka_ca,
        certificate=settings.kafka_certificate,
        key=settings.kafka_key,
        prefix=settings.kafka_prefix,
    )


class _Repeats(logging.Filter):
    """Lets the same complaint through once in a while."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it was not said lately; kinds of messages are as many as aiokafka's sources."""
        now = time.monotonic()
        if now < self._said.get(str(record.msg), -REPEAT_SECONDS) + REPEAT_SECONDS:
            return False
        self._said[str(record.msg)] = now
        return True


QUIET: Final = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.producer.sender",
)
"""The loggers that repeat themselves while a broker is away; filters are not inherited."""

logging.getLogger("aiokafka").setLevel(logging.WARNING)  # each reader would say what it reads
for _name in QUIET:
    logging.getLogger(_name).addFilter(_Repeats())
