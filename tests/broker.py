"""A real Kafka broker for tests: one KRaft node on loopback, which can be stopped and started.

It runs from jars that Maven fetches once into the user's cache, or in the image `apache/kafka`
where a container engine answers. With BEATWIRE_TEST_KAFKA=host:port the tests share a broker that
runs already (the fixture `kafka`); those that stop one or need its credentials start their own.
"""

import base64
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

POM: Final = Path(__file__).with_suffix(".pom.xml")
IMAGE: Final = "apache/kafka:4.1.1"
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
STARTED: Final = "Kafka Server started"
JAVA_OPTIONS: Final = ("-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""A small heap, and the compiler that starts soonest: a test's broker lives for minutes."""
USER: Final = "beatwire"
PASSWORD: Final = "correct horse battery staple"
ROLES: Final = ("gateway", "worker", "device")
"""Users with the same password who may do nothing until a test lets them; all others may do all."""
LISTENERS: Final = ("PLAINTEXT", "SASL_PLAINTEXT", "SASL_SSL", "CONTROLLER")


class NoBrokerError(Exception):
    """No broker can be had on this machine; the text says why."""


@dataclass(frozen=True)
class Runtime:
    """How to run Kafka's classes: the words before `java`'s own, and where the jars are."""

    prefix: tuple[str, ...]
    classpath: str

    def java(self, *words: str) -> list[str]:
        """The command that runs a class."""
        return [*self.prefix, "java", *JAVA_OPTIONS, "-cp", self.classpath, *words]


def runtime(folder: Path) -> Runtime:
    """This machine's Java with cached jars, or else a container that sees `folder`.

    Raises:
        NoBrokerError: there is neither.
    """
    if shutil.which("java") and shutil.which("mvn"):
        return Runtime((), f"{jars()}/*")
    engine = next((name for name in ("docker", "podman") if _answers(name)), None)
    if engine is None:
        raise NoBrokerError("no Kafka broker: neither java and mvn nor a container engine")
    user = f"--user={os.getuid()}:{os.getgid()}"
    mount = f"--volume={folder}:{folder}"
    prefix = (engine, "run", "--rm", "--init", "--network=host", user, mount, IMAGE)
    return Runtime(prefix, "/opt/kafka/libs/*")


def _run(command: list[str], timeout: float | None = None) -> None:
    """Run a program that must succeed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise NoBrokerError(f"{command[0]} failed: {done.stdout[-500:]} {done.stderr[-500:]}")


def _answers(engine: str) -> bool:
    if shutil.which(engine) is None:
        return False
    try:
        _run([engine, "info"], timeout=20)
    except (NoBrokerError, subprocess.TimeoutExpired):
        return False
    return True


def jars() -> Path:
    """The folder of Kafka's jars; fetched when those of this `POM` were not yet."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "beatwire"
    folder = base / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    base.mkdir(parents=True, exist_ok=True)
    with _locked(base / "kafka.lock"):
        if not folder.exists():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    """Let Maven resolve the jars; the folder appears when it is complete."""
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
    options = (f"-DoutputDirectory={part}", "-DincludeScope=runtime")
    _run(["mvn", "-q", "-B", "-f", str(POM), goal, *options])
    part.rename(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Only one process at a time: parallel test workers share the cache."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Broker:
    """One node, broker and controller, with a folder and ports of its own.

    Attributes:
        address: host:port for clients without credentials.
        sasl: host:port for SASL/PLAIN with `USER` and `PASSWORD`.
        tls: host:port for the same over TLS; `certificate` is the authority to trust.
    """

    def __init__(self, folder: Path) -> None:
        """Prepare; nothing runs before `start`.

        Raises:
            NoBrokerError: Kafka cannot be had here.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._runtime = runtime(folder)
        self._ports = dict(zip(LISTENERS, free_ports(len(LISTENERS)), strict=True))
        self._process: subprocess.Popen[bytes] | None = None
        self.address, self.sasl, self.tls = (
            f"127.0.0.1:{self._ports[name]}" for name in LISTENERS[:3]
        )
        self.certificate = folder / "broker.pem"
        self._format()

    @property
    def running(self) -> bool:
        """Whether it was started, and not stopped or killed since."""
        return self._process is not None

    def start(self) -> None:
        """Start on the same data and ports as before; returns when it serves."""
        log = self._folder / "broker.log"
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                self._runtime.java("kafka.Kafka", str(self._properties)),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is for the tests, which end it
            )
        end = time.monotonic() + START_SECONDS
        while STARTED not in log.read_text(errors="replace"):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > end:
                self.kill()
                raise NoBrokerError(f"the broker did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)  # between two looks at another process

    def stop(self) -> None:
        """End it in order, if it runs; what it was given stays."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End it as a power cut would, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    # ── Configuration ─────────────────────────────────────────────────────────────────────────

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _format(self) -> None:
        """Write configuration and certificate, and format the storage."""
        store = self._folder / "broker.p12"
        self._keytool("-genkeypair", "-keyalg", "EC", "-dname", "CN=127.0.0.1", store=store)
        self._keytool("-exportcert", "-rfc", "-file", str(self.certificate), store=store)
        self._properties.write_text(self._configuration(store))
        # 22 letters for 16 bytes; the first one is no "-", which the tool would take for an option.
        cluster = base64.urlsafe_b64encode(bytes(1) + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        tool = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties))
        _run(self._runtime.java(*tool))

    def _keytool(self, *words: str, store: Path) -> None:
        """Java's own tool for certificates: this one names the loopback address."""
        where = ("-keystore", str(store), "-storetype", "PKCS12", "-storepass", PASSWORD)
        names = ("-ext", "SAN=IP:127.0.0.1") if "-genkeypair" in words else ()
        _run([*self._runtime.prefix, "keytool", *words, *where, *names, "-alias", "broker"])

    def _configuration(self, store: Path) -> str:
        listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in self._ports.items())
        plain = {"CONTROLLER": "PLAINTEXT"}
        protocols = ",".join(f"{name}:{plain.get(name, name)}" for name in LISTENERS)
        module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        users = " ".join(f'user_{name}="{PASSWORD}"' for name in (USER, *ROLES))
        login = f"{module} {users};"
        return f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{self._ports["CONTROLLER"]}
controller.listener.names=CONTROLLER
listeners={listeners}
listener.security.protocol.map={protocols}
log.dirs={self._folder / "data"}
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{USER}
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config={login}
listener.name.sasl_ssl.plain.sasl.jaas.config={login}
ssl.keystore.type=PKCS12
ssl.keystore.location={store}
ssl.keystore.password={PASSWORD}
"""
