"""The ingest endpoint: a real server, real sockets and the real log."""

import asyncio
import contextlib

import pytest
from gateway_rig import COUNT, block, device, gateway, goodbye, hello, stored

from ecg import messages as m
from ecg import wire
from stream.gateway.codes import Close


def test_hello_blocks_and_goodbye_are_acknowledged_and_stand_in_the_log(tmp_path):
    """The whole conversation of a device that behaves."""

    async def scene():
        async with gateway(tmp_path) as server, device(server) as peer:
            await peer.send(hello(credential="secret"))
            welcome = await peer.receive()
            await peer.send(*(block(i) for i in range(20)), goodbye(20 * COUNT))
            ack = await peer.durable(20 * COUNT)
            return welcome, ack, await peer.closed()

    welcome, ack, code = asyncio.run(scene())
    assert (welcome.durable, welcome.credit) == (0, 32)
    assert ack == m.Ack(session="s1", durable=20 * COUNT, credit=32)
    assert code == Close.NORMAL
    log = asyncio.run(stored(tmp_path))
    assert log == [hello(), *(block(i) for i in range(20)), goodbye(20 * COUNT)]


def test_a_device_that_speaks_json_is_answered_in_json(tmp_path):
    """The encoding of HELLO is the encoding of the answers."""

    async def scene():
        async with gateway(tmp_path) as server, device(server, text=True) as peer:
            await peer.send(hello(), block(0), block(1))
            assert isinstance(await peer.receive(), m.Welcome)
            await peer.durable(2 * COUNT)

    asyncio.run(scene())
    assert asyncio.run(stored(tmp_path)) == [hello(), block(0), block(1)]


def test_a_session_that_comes_back_is_told_what_is_durable(tmp_path):
    """WELCOME's index spares the resending, and duplicates are taken without complaint."""

    async def scene():
        async with gateway(tmp_path) as server:
            async with device(server) as peer:
                await peer.send(hello(), *(block(i) for i in range(8)))
                await peer.receive()
                await peer.durable(8 * COUNT)
            async with device(server) as peer:
                await peer.send(hello())
                welcome = await peer.receive()
                await peer.send(block(6), block(7), block(8))
                await peer.durable(9 * COUNT)
                return welcome

    assert asyncio.run(scene()).durable == 8 * COUNT


@pytest.mark.parametrize(
    ("frame", "code", "close"),
    [
        (b"", "malformed", Close.INVALID),
        (b"\xc1", "malformed", Close.INVALID),
        ("{", "malformed", Close.INVALID),
        (wire.pack(block()), "hello_first", Close.INVALID),
        (wire.pack(hello(rate=9.0)), "out_of_range", Close.INVALID),
        (bytes(70_000), "too_large", Close.INVALID),
        (wire.pack(hello(credential="wrong")), "unauthorized", Close.UNAUTHORIZED),
    ],
)
def test_a_bad_first_frame_is_named_and_the_connection_closed(tmp_path, frame, code, close):
    """A typed error, then the documented close code."""

    async def scene():
        async with gateway(tmp_path, token="right") as server, device(server) as peer:
            await peer.socket.send(frame)
            answer = await peer.socket.recv()
            return wire.to_device.decode(answer), await peer.closed()

    problem, got = asyncio.run(scene())
    assert (problem.code, problem.fatal, got) == (code, True, close)


@pytest.mark.parametrize("how", ["header", "message"])
def test_the_credential_may_stand_in_the_header_or_in_hello(tmp_path, how):
    """Never in the URL."""
    headers = {"Authorization": "Bearer right"} if how == "header" else {}
    credential = "right" if how == "message" else ""

    async def scene():
        async with (
            gateway(tmp_path, token="right") as server,
            device(server, additional_headers=headers) as peer,
        ):
            await peer.send(hello(credential=credential))
            return await peer.receive()

    assert isinstance(asyncio.run(scene()), m.Welcome)


def test_the_newer_of_two_connections_of_a_patient_is_live_and_the_older_is_told(tmp_path):
    """Superseded, with its own code and close."""

    async def scene():
        async with (
            gateway(tmp_path) as server,
            device(server) as older,
            device(server) as newer,
        ):
            await older.send(hello(session="old"))
            await older.receive()
            await newer.send(hello(session="new"), block(session="new"))
            await newer.receive()
            problem = await older.receive()
            await newer.durable(COUNT)
            return problem.code, await older.closed()

    assert asyncio.run(scene()) == ("superseded", Close.SUPERSEDED)


def test_a_frame_far_above_the_limit_is_refused_by_the_socket(tmp_path):
    """Nothing large is ever buffered: the standard's own close code 1009."""

    async def scene():
        async with gateway(tmp_path) as server, device(server) as peer:
            with contextlib.suppress(Exception):
                await peer.socket.send(bytes(1_000_000))
            return await peer.closed()

    assert asyncio.run(scene()) == 1009


def test_one_device_too_many_is_turned_away(tmp_path):
    """The bound on connections holds, and the others do not notice."""

    async def scene():
        async with (
            gateway(tmp_path, max_connections=1) as server,
            device(server) as first,
        ):
            await first.send(hello())
            await first.receive()
            async with device(server, text=True) as second:
                problem = await second.receive()
                code = await second.closed()
            await first.send(block())
            await first.durable(COUNT)
            return problem.code, code

    assert asyncio.run(scene()) == ("too_many_connections", Close.UNAVAILABLE)


def test_a_server_that_stops_tells_its_devices_and_keeps_what_it_acknowledged(tmp_path, capfd):
    """Close 1012, in order, whatever was in flight; the session goes on elsewhere."""

    async def scene():
        async with contextlib.AsyncExitStack() as clients:
            async with gateway(tmp_path) as server:
                peers = [await clients.enter_async_context(device(server)) for _ in range(3)]
                for number, peer in enumerate(peers):
                    patient = f"p{number}"
                    await peer.send(hello(patient), *(block(i, patient=patient) for i in range(20)))
                    await peer.receive()
                ends = [(await peer.durable(COUNT)).durable for peer in peers]
            return ends, [await peer.closed() for peer in peers]

    ends, codes = asyncio.run(scene())
    assert codes == [1012] * 3
    log = [item for item in asyncio.run(stored(tmp_path)) if isinstance(item, m.Block)]
    for number, end in enumerate(ends):
        assert max(item.end for item in log if item.patient == f"p{number}") >= end
    assert "Traceback" not in capfd.readouterr().err
