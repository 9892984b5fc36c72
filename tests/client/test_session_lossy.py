"""A device and a gateway joined by a link that delays, cuts and forgets: nothing is lost silently."""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from model_gateway import ModelGateway, Peer, truth
from test_session_blocks import hello

from client.session import DeviceSession, State
from client.session_events import Buffer, Dropped
from ecg.wire import pack

SECONDS, BYTES = 3.0, 4000


class LossyLink(RuleBasedStateMachine):
    """Arbitrary interleavings of pushes, deliveries, cuts, restarts and appends."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.gateway = ModelGateway(credit=3)
        self.device = DeviceSession(hello(), buffer=Buffer(SECONDS, BYTES))
        self.peer: Peer | None = None
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.pushed: set[int] = set()
        self.dropped: set[int] = set()

    def note(self, events) -> None:
        for event in events:
            if isinstance(event, Dropped):
                self.dropped |= set(range(event.first, event.end))

    @rule(count=st.integers(1, 150), jump=st.sampled_from([0, 0, 0, 40]))
    def push(self, count, jump):
        first = self.device.end + jump
        self.note(self.device.push(truth(first, count), first=first))
        self.pushed |= set(range(first, first + count))

    @precondition(lambda self: self.peer is None)
    @rule()
    def connect(self):
        self.peer = Peer(self.gateway)
        self.device.connected(self.now)

    @precondition(lambda self: self.peer is not None)
    @rule(arrives=st.integers(0, 5))
    def cut(self, arrives):
        """The connection breaks; some of what was on its way still arrives."""
        self.deliver_up(arrives)
        self.peer.settle(arrives)
        self.disconnect()

    @precondition(lambda self: self.peer is not None)
    @rule(known=st.integers(0, 500))
    def restart_gateway(self, known):
        """The gateway dies with what was not durable, and forgets how far the session had come."""
        self.gateway.durable["s"] = min(known, self.gateway.durable["s"])
        self.disconnect()

    def disconnect(self) -> None:
        self.up.clear()
        self.down.clear()
        self.peer = None
        self.device.disconnected(self.now)

    @precondition(lambda self: self.peer is not None)
    @rule()
    def send(self):
        self.up += self.device.outgoing(self.now)[0]

    @precondition(lambda self: self.peer is not None)
    @rule(count=st.integers(1, 5))
    def deliver_up(self, count):
        for _ in range(min(count, len(self.up))):
            self.down += [pack(message) for message in self.peer.receive(self.up.popleft())]

    @precondition(lambda self: self.peer is not None)
    @rule(count=st.integers(0, 5))
    def settle(self, count):
        self.down += [pack(message) for message in self.peer.settle(count)]

    @precondition(lambda self: self.peer is not None)
    @rule(count=st.integers(1, 5))
    def deliver_down(self, count):
        for _ in range(min(count, len(self.down))):
            self.note(self.device.received(self.down.popleft(), self.now))

    @rule(seconds=st.sampled_from([0.1, 1.0]))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def ring_is_bounded(self):
        ring = self.device._ring
        assert ring.seconds <= SECONDS + 1e-9
        assert ring.bytes <= BYTES
        assert ring.bytes == sum(len(entry.frame) for entry in ring._entries)
        assert 0 <= ring.in_flight <= len(ring)

    @invariant()
    def acknowledged_is_durable(self):
        known = self.gateway.samples["s"].keys() | self.dropped
        assert {index for index in self.pushed if index < self.device.durable} <= known

    def teardown(self):
        """Heal the link, say goodbye: everything not dropped is in the log, in index order."""
        self.note(self.device.finish())
        if self.peer is None:
            self.connect()
        for _ in range(300):
            if self.device.state is State.LEAVING and not self.up:
                break
            self.send()
            self.deliver_up(100)
            self.settle(100)
            self.deliver_down(100)
        self.device.disconnected(self.now, clean=True)
        assert self.device.state is State.DONE
        stored = self.gateway.samples["s"]
        assert set(stored) | self.dropped == self.pushed
        assert set(stored) <= self.pushed
        assert list(stored) == sorted(stored)
        assert all(row == tuple(truth(index, 1)[0]) for index, row in stored.items())
        assert [goodbye.end for goodbye in self.gateway.goodbyes] == [self.device.end]
        assert self.device.dropped == len(self.dropped)


TestLossyLink = LossyLink.TestCase
TestLossyLink.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
