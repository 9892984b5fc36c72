"""The device over a real socket on loopback: reconnects, back-pressure, refusal, goodbye."""

import asyncio
from http import HTTPStatus

import pytest
from model_gateway import GatewayServer, ModelGateway, serving, truth
from websockets.asyncio.server import serve

import client.device
import client.session
from client.device import Device
from client.errors import RefusedError, UndeliveredError
from client.link import websocket_url
from client.session_events import Buffer, Dropped, Event, Lost, Welcomed
from ecg import messages as m


def device(url: str, **options) -> Device:
    defaults = {"patient": "p", "session": "s", "leads": ["II"], "rate": 250, "uv_per_lsb": 5}
    return Device(url, **(defaults | options))


class Heard:
    """Events of a device, and a way to wait for one of a kind."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Event] = asyncio.Queue()

    def __call__(self, event: Event) -> None:
        self.events.put_nowait(event)

    async def until(self, kind: type) -> Event:
        while not isinstance(event := await self.events.get(), kind):
            pass
        return event


async def stream(target: Device, samples: int, size: int = 25, leads: int = 1) -> None:
    for first in range(0, samples, size):
        await target.send(truth(first, min(size, samples - first), leads))


async def send_one(url: str, **options) -> None:
    async with device(url, **options) as sender:
        await sender.send(truth(0, 25))
        await sender.drain()


def expected(samples: int, leads: int = 1) -> list[tuple[int, tuple[int, ...]]]:
    return list(enumerate(map(tuple, truth(0, samples, leads).tolist())))


def test_streams_samples_and_says_goodbye():
    """Two leads, 10 s: stored as sent; the credential is in the header, no compression offered."""

    async def main() -> None:
        gateway = ModelGateway()
        async with serving(gateway) as server:
            options = {"leads": ["I", "II"], "token": "secret", "location": m.Location("ICU", "7")}
            async with device(server.url, flags=("demo",), **options) as sender:
                await stream(sender, 2500, leads=2)
                await sender.drain()
                assert len(gateway.samples["s"]) == 2500
        assert list(gateway.samples["s"].items()) == expected(2500, 2)
        assert {(b.flags, b.unit, b.bed) for b in gateway.blocks} == {(("demo",), "ICU", "7")}
        assert [(g.end, g.reason) for g in gateway.goodbyes] == [(2500, "end")]
        assert server.headers[0]["Authorization"] == "Bearer secret"
        assert "Sec-WebSocket-Extensions" not in server.headers[0]

    asyncio.run(main())


def test_reconnects_until_everything_is_stored():
    """Three connections are cut unacknowledged; the log holds every sample once, in order."""

    async def main() -> None:
        gateway = ModelGateway()
        async with serving(gateway) as server:
            server.cuts = [3, 1, 7]
            async with device(server.url) as sender:
                await stream(sender, 1000)
        assert list(gateway.samples["s"].items()) == expected(1000)
        assert len(gateway.goodbyes) == 1
        assert len(server.headers) == 4

    asyncio.run(main())


def test_starts_before_its_gateway():
    """Samples taken while there is no gateway arrive once there is one."""

    async def main() -> None:
        gateway, heard = ModelGateway(), Heard()
        async with serve(GatewayServer(gateway).handle, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
        async with device(f"ws://127.0.0.1:{port}", listener=heard) as sender:
            await stream(sender, 100)
            await heard.until(Lost)
            async with serve(GatewayServer(gateway).handle, "127.0.0.1", port):
                await heard.until(Welcomed)
                await sender.close()
        assert list(gateway.samples["s"].items()) == expected(100)

    asyncio.run(main())


def test_send_waits_while_the_ring_is_full_and_offer_does_not():
    """A gateway that does not answer: `send` blocks at one second of ring, `offer` drops."""

    async def scenario(url: str) -> None:
        heard = Heard()
        async with device(url, buffer=Buffer(seconds=1.0), listener=heard) as sender:
            await stream(sender, 250)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(sender.send(truth(250, 25)), 0.05)
            assert sender.session.end == 250
            sender.offer(truth(250, 25))
            assert await heard.until(Dropped) == Dropped(0, 25)
            await sender.close(seconds=0.05)

    async def main() -> None:
        async with serving(ModelGateway()) as server:
            server.mute = True
            with pytest.raises(UndeliveredError, match="10 blocks"):
                await scenario(server.url)

    asyncio.run(main())


def test_an_array_larger_than_the_ring_is_sent_whole():
    """Ten seconds in one `send`, with marks, into a ring of one: it waits, and nothing is dropped."""

    async def main() -> None:
        gateway = ModelGateway()
        async with (
            serving(gateway) as server,
            device(server.url, buffer=Buffer(seconds=1.0)) as sender,
        ):
            await sender.send(truth(0, 2500), pace=[0, 1000, 2499])
            with pytest.raises(ValueError, match="mark at 9000"):
                await sender.send(truth(2500, 500), pace=[9000])
            await sender.drain()
            assert sender.session.dropped == 0
        assert list(gateway.samples["s"].items()) == expected(2500)

    asyncio.run(main())


def test_a_device_clock_that_begins_at_0_is_a_time_like_any_other():
    """A device without a battery counts from its start: each block of one `send` has its own time."""

    async def main() -> None:
        gateway = ModelGateway()
        async with (
            serving(gateway) as server,
            device(server.url, buffer=Buffer(seconds=1.0)) as sender,
        ):
            await sender.send(truth(0, 250), device_time=0.0)
            await sender.send(truth(250, 250))
            await sender.drain()
        blocks = [message for message in gateway.log if isinstance(message, m.Block)]
        told = [(b.first, b.device_time) for b in blocks if b.first < 250]
        assert len(told) > 1
        assert told == [(first, pytest.approx(first / 250)) for first, _ in told]
        assert {block.device_time for block in blocks if block.first >= 250} == {None}

    asyncio.run(main())


@pytest.mark.parametrize("step", ["send", "drain", "close"])
def test_a_refusal_is_raised_wherever_the_owner_waits(step):
    """A wrong credential ends the device with the gateway's own words."""

    async def scenario(url: str) -> None:
        async with device(url, buffer=Buffer(seconds=0.1)) as sender:
            await sender.send(truth(0, 25))
            if step == "send":
                await sender.send(truth(25, 25))
            elif step == "drain":
                await sender.drain()

    async def main() -> None:
        async with serving(ModelGateway()) as server:
            server.problem = m.Problem(code="unauthorized", text="credential is missing or wrong")
            with pytest.raises(RefusedError, match="unauthorized: credential"):
                await scenario(server.url)
        assert len(server.headers) == 1

    asyncio.run(main())


def test_http_401_refuses_and_http_503_does_not():
    """The handshake may refuse too; a gateway that is merely full is asked again."""
    statuses = [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.UNAUTHORIZED]

    async def main() -> None:
        heard = Heard()
        async with serve(
            GatewayServer(ModelGateway()).handle,
            "127.0.0.1",
            0,
            process_request=lambda socket, request: socket.respond(statuses.pop(0), "no\n"),
        ) as listener:
            port = listener.sockets[0].getsockname()[1]
            with pytest.raises(RefusedError, match="401"):
                await send_one(f"http://127.0.0.1:{port}", listener=heard)
        assert isinstance(await heard.until(Lost), Lost)
        assert statuses == []

    asyncio.run(main())


def test_leaving_by_an_exception_says_no_goodbye():
    """What looks like a failure to us must look like one to the gateway."""

    async def scenario(url: str) -> None:
        async with device(url) as sender:
            await sender.send(truth(0, 25))
            await sender.drain()
            raise KeyError

    async def main() -> None:
        gateway = ModelGateway()
        async with serving(gateway) as server:
            with pytest.raises(KeyError):
                await scenario(server.url)
        assert len(gateway.samples["s"]) == 25
        assert gateway.goodbyes == []

    asyncio.run(main())


def test_a_silent_gateway_is_left_and_found_again(monkeypatch):
    """A peer that takes everything and says nothing is dead; the next one gets it all."""

    async def main() -> None:
        gateway, heard = ModelGateway(), Heard()
        async with serving(gateway) as server:
            server.mute = True
            async with device(server.url, listener=heard) as sender:
                await sender.send(truth(0, 25))
                await heard.until(Lost)
                server.mute = False
        assert list(gateway.samples["s"].items()) == expected(25)

    monkeypatch.setattr(client.session, "SILENCE", 0.05)
    asyncio.run(main())


def test_a_gateway_that_speaks_nonsense_is_left_and_found_again():
    """A frame that cannot be read ends the connection, not the device."""

    async def main() -> None:
        gateway, heard = ModelGateway(), Heard()
        async with serving(gateway) as server:
            server.problem = m.Goodbye(patient="p", session="s", end=0)  # never sent by a gateway
            async with device(server.url, listener=heard) as sender:
                await sender.send(truth(0, 25))
                lost = await heard.until(Lost)
                server.problem = None
        assert "unknown_type" in lost.reason
        assert len(gateway.samples["s"]) == 25

    asyncio.run(main())


def test_heartbeats_flow_while_nothing_else_does(monkeypatch):
    """A device without samples still shows that it lives."""

    async def main() -> None:
        seen = asyncio.Event()

        class Counting(GatewayServer):
            async def _answer(self, socket, messages):
                await super()._answer(socket, messages)
                if sum(isinstance(message, m.Ack) for message in messages):
                    self.frames = getattr(self, "frames", 0) + 1
                    if self.frames >= 4:
                        seen.set()

        server = Counting(ModelGateway())
        async with serve(server.handle, "127.0.0.1", 0) as listener:
            port = listener.sockets[0].getsockname()[1]
            async with device(f"ws://127.0.0.1:{port}"), asyncio.timeout(10):
                await seen.wait()

    monkeypatch.setattr(client.session, "HEARTBEAT", 0.01)
    monkeypatch.setattr(client.device, "HEARTBEAT", 0.01)
    asyncio.run(main())


def test_a_failing_listener_ends_the_device_with_its_error():
    """A bug in the owner's code must not look like a network failure."""

    def listen(event: Event) -> None:
        raise LookupError(event)

    async def main() -> None:
        async with serving(ModelGateway()) as server:
            with pytest.raises(LookupError):
                await send_one(server.url, listener=listen)

    asyncio.run(main())


def test_a_device_never_entered_closes_quietly():
    """Nothing was opened, nothing waits."""

    async def main() -> None:
        await device("ws://127.0.0.1:1").close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("ws://host:8000", "ws://host:8000/v1/ingest"),
        ("http://host:8000/", "ws://host:8000/v1/ingest"),
        ("https://host", "wss://host/v1/ingest"),
        ("wss://host/behind/proxy", "wss://host/behind/proxy"),
    ],
)
def test_addresses(given, url):
    """A server's address is enough; a path of one's own is kept."""
    assert websocket_url(given, "/v1/ingest") == url


@pytest.mark.parametrize("given", ["host:8000", "ftp://host", "", "ws://"])
def test_what_is_no_address(given):
    """The error shows what an address looks like."""
    with pytest.raises(ValueError, match="ws://127"):
        websocket_url(given, "/v1/ingest")
