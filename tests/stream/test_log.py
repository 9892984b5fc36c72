"""The contract of `Log`: both implementations, SQLite and Kafka, pass these tests."""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_storages import KafkaStorage, SqliteStorage, Storage

from stream.log import Entry, Log, LogClosed, NotWritable, OffsetAhead, Record, Topic

pytestmark = pytest.mark.anyio
EVENTS = Topic.EVENTS
LONG_S = 30.0


def sqlite(request: pytest.FixtureRequest) -> SqliteStorage:
    """An empty folder."""
    factory = request.getfixturevalue("tmp_path_factory")
    return SqliteStorage(factory.mktemp("log"))


def kafka(request: pytest.FixtureRequest) -> KafkaStorage:
    """Empty topics on the broker that the tests share."""
    return KafkaStorage(request.getfixturevalue("kafka"))


KINDS = [sqlite, pytest.param(kafka, marks=pytest.mark.xdist_group("kafka"))]


@pytest.fixture(params=KINDS)
def storage(request: pytest.FixtureRequest) -> Storage:
    """Each kind of log in turn."""
    return request.param(request)


@pytest.fixture
async def log(storage: Storage) -> AsyncIterator[Log]:
    """A log that writes every topic."""
    async with storage.log() as log:
        yield log


def entries(*values: str, key: str = "p1") -> list[Entry]:
    """Entries of one key without ids."""
    return [Entry(key, value.encode()) for value in values]


def values(records: list[Record]) -> list[str]:
    """What the records say."""
    return [record.value.decode() for record in records]


async def test_reads_what_was_appended(log: Log, storage: Storage):
    """Topic, partition, offset, key, value and time come back as written, in order."""
    await log.append(EVENTS, [Entry("p1", b"a"), Entry("p2", b"b", "id")])
    got = await log.reader(EVENTS).poll(10, LONG_S)
    times = [record.time_ms for record in got]
    assert got == [
        Record(EVENTS, 0, 0, "p1", b"a", times[0]),
        Record(EVENTS, 0, 1, "p2", b"b", times[1]),
    ]
    assert all(map(storage.is_now, times))


async def test_append_returns_last_offset(log: Log, storage: Storage):
    """The result lies at or above every entry of the call, also when all were known."""
    assert await log.append(EVENTS, entries("a", "b")) == 1
    assert await log.append(EVENTS, [Entry("p1", b"c", "x")]) == 2
    again = await log.append(EVENTS, [Entry("p1", b"c", "x")])
    assert again == (2 if storage.ignores_repeated_ids else 3)


async def test_topics_are_separate(log: Log):
    """Each topic counts its own offsets."""
    for topic in Topic:
        assert await log.append(topic, entries(topic)) == 0
    for topic in Topic:
        assert values(await log.reader(topic).poll(10, LONG_S)) == [topic]


async def test_bounds(log: Log):
    """An empty topic begins where it ends; end is the next offset."""
    assert (await log.begin(EVENTS), await log.end(EVENTS)) == (0, 0)
    await log.append(EVENTS, entries("a", "b"))
    assert (await log.begin(EVENTS), await log.end(EVENTS)) == (0, 2)
    assert await log.partitions(EVENTS) == [0]


async def test_poll_looks_once_without_timeout(log: Log):
    """With a time-out of 0 an empty topic answers at once."""
    assert await log.reader(EVENTS).poll(10, 0) == []


async def test_poll_gives_up_after_timeout(log: Log):
    """Nothing came: an empty list, and the position stays."""
    reader = log.reader(EVENTS)
    assert await reader.poll(10, 0.02) == []
    assert reader.position() == 0


async def test_poll_wakes_up_on_append(log: Log):
    """Who waits gets what is appended meanwhile, well before the time-out."""
    waiting = asyncio.create_task(log.reader(EVENTS).poll(10, LONG_S))
    await asyncio.sleep(0)
    await log.append(EVENTS, entries("a"))
    assert values(await waiting) == ["a"]


async def test_all_who_wait_wake_up(log: Log):
    """Many readers may wait for the same record."""
    waiting = [asyncio.create_task(log.reader(EVENTS).poll(10, LONG_S)) for _ in range(20)]
    await log.append(EVENTS, entries("a"))
    assert [values(records) for records in await asyncio.gather(*waiting)] == [["a"]] * 20


async def test_poll_goes_on_where_it_ended(log: Log):
    """No record twice, none left out, never more than asked for."""
    await log.append(EVENTS, entries(*"abcde"))
    reader = log.reader(EVENTS)
    got = [values(await reader.poll(2, 0)) for _ in range(4)]
    assert got == [["a", "b"], ["c", "d"], ["e"], []]
    assert reader.position() == 5


async def test_readers_stand_where_they_like(log: Log):
    """A reader's position is its own, given at the start or by seek."""
    await log.append(EVENTS, entries(*"abc"))
    first, second = log.reader(EVENTS), log.reader(EVENTS, {0: 2})
    assert values(await first.poll(1, 0)) == ["a"]
    assert values(await second.poll(9, 0)) == ["c"]
    second.seek(1)
    assert second.position() == 1
    assert values(await second.poll(9, 0)) == ["b", "c"]
    assert values(await first.poll(9, 0)) == ["b", "c"]


async def test_cancelled_poll_loses_nothing(log: Log):
    """The position moves only when records are handed over."""
    reader = log.reader(EVENTS)
    waiting = asyncio.create_task(reader.poll(10, LONG_S))
    await asyncio.sleep(0)
    waiting.cancel()
    await log.append(EVENTS, entries("a"))
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert values(await reader.poll(10, LONG_S)) == ["a"]


async def test_position_past_the_end_is_an_error(log: Log):
    """A position from another log is told, not waited for in vain."""
    await log.append(EVENTS, entries("a"))
    reader = log.reader(EVENTS, 7)
    with pytest.raises(OffsetAhead) as caught:
        await reader.poll(10, LONG_S)
    error = caught.value
    assert (error.topic, error.position, error.begin, error.end) == (EVENTS, 7, 0, 1)
    assert reader.position() == 7


async def test_concurrent_appends_keep_the_order_of_calls(log: Log):
    """Appends that share commits come out in the order in which they were called."""
    names = [str(i) for i in range(300)]
    await asyncio.gather(*(log.append(EVENTS, entries(name)) for name in names))
    assert values(await log.reader(EVENTS).poll(999, 0)) == names


async def test_repeated_ids(log: Log, storage: Storage):
    """Where ids count, the first of one stays: in a call, across calls, side by side."""
    await log.append(EVENTS, [Entry("p", b"1", "x"), Entry("p", b"2", "x"), Entry("p", b"3")])
    await log.append(EVENTS, [Entry("p", b"4", "x"), Entry("p", b"5", "y")])
    twice = [Entry("p", b"6", "z")]
    await asyncio.gather(log.append(EVENTS, twice), log.append(EVENTS, twice))
    await log.append(Topic.ALARMS, [Entry("p", b"other topic", "x")])
    kept = ["1", "3", "5", "6"] if storage.ignores_repeated_ids else list("1234566")
    assert values(await log.reader(EVENTS).poll(99, 0)) == kept
    assert values(await log.reader(Topic.ALARMS).poll(99, 0)) == ["other topic"]


async def test_a_reopened_log_goes_on(storage: Storage):
    """Records, offsets and ids outlive the process."""
    async with storage.log() as log:
        await log.append(EVENTS, [Entry("p", b"1", "x")])
    async with storage.log() as log:
        assert await log.append(EVENTS, [Entry("p", b"2", "y")]) == 1
        if storage.ignores_repeated_ids:
            assert await log.append(EVENTS, [Entry("p", b"3", "x")]) == 1
        assert values(await log.reader(EVENTS).poll(9, 0))[:2] == ["1", "2"]


async def test_by_key(log: Log):
    """One key's records, from an offset, so many."""
    for i in range(6):
        await log.append(EVENTS, entries(str(i), key=f"p{i % 2}"))
    assert values(await log.by_key(EVENTS, "p0", 0, 99)) == ["0", "2", "4"]
    assert values(await log.by_key(EVENTS, "p0", 1, 99)) == ["2", "4"]
    assert values(await log.by_key(EVENTS, "p1", 0, 2)) == ["1", "3"]
    assert await log.by_key(EVENTS, "nobody", 0, 99) == []


async def test_offset_at(log: Log, storage: Storage):
    """The first record of a time or later; the end when there is none."""
    for i in range(10):
        storage.now_ms += 100 * (i % 2)
        await log.append(EVENTS, entries(str(i)))
    times = [record.time_ms for record in await log.reader(EVENTS).poll(99, 0)]
    asked = {time + step for time in times for step in (-1, 0, 1)}
    found = {time: await log.offset_at(EVENTS, time) for time in asked}
    assert found == {time: bisect_left(times, time) for time in asked}
    assert await log.offset_at(Topic.ALARMS, times[0]) == 0


async def test_time_never_falls(log: Log, storage: Storage):
    """A wall clock that is set back does not disorder the log."""
    await log.append(EVENTS, entries("a"))
    storage.now_ms -= 5000
    await log.append(EVENTS, entries("b"))
    first, second = await log.reader(EVENTS).poll(9, 0)
    assert first.time_ms <= second.time_ms


async def test_wrong_use_is_told(storage: Storage):
    """No entries, a topic that is not ours, a topic that does not exist."""
    async with storage.log(frozenset({Topic.EVENTS})) as log:
        with pytest.raises(ValueError, match="at least one"):
            await log.append(EVENTS, [])
        with pytest.raises(NotWritable, match=r"ecg\.samples"):
            await log.append(Topic.SAMPLES, entries("a"))
        with pytest.raises(ValueError, match="unknown topic"):
            log.reader("ecg.nonsense")
        with pytest.raises(ValueError, match="partition 3"):
            await log.end(EVENTS, 3)


async def test_closed_log_refuses(storage: Storage):
    """After closing, and before opening, everything says so; who waits is sent away."""
    log = storage.log()
    with pytest.raises(LogClosed):
        await log.append(EVENTS, entries("a"))
    async with log:
        waiting = asyncio.create_task(log.reader(EVENTS).poll(10, LONG_S))
        await log.end(EVENTS)
    with pytest.raises(LogClosed):
        await waiting
    with pytest.raises(LogClosed):
        await log.append(EVENTS, entries("a"))
    with pytest.raises(LogClosed):
        await log.end(EVENTS)


async def test_closing_completes_what_was_appended(storage: Storage):
    """Appends under way when the log closes are answered and kept."""
    async with storage.log() as log:
        tasks = [asyncio.create_task(log.append(EVENTS, entries(str(i)))) for i in range(50)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*tasks) == list(range(50))
    async with storage.log() as log:
        assert await log.end(EVENTS) == 50


async def test_a_reader_may_come_before_the_writer(storage: Storage):
    """A log that only reads waits for topics that nobody has written yet."""
    async with storage.log(frozenset()) as reading:
        assert await reading.end(EVENTS) == 0
        waiting = asyncio.create_task(reading.reader(EVENTS).poll(9, LONG_S))
        async with storage.log() as writing:
            await writing.append(EVENTS, entries("a"))
            assert values(await waiting) == ["a"]


async def test_two_processes_read_each_other(storage: Storage):
    """What one process writes wakes the other up, both ways."""
    code = """
async def main():
    async with make(Topic.EVENTS, Topic.ALARMS) as log:
        reader = log.reader(Topic.SAMPLES)
        for _ in range(5):
            for record in await reader.poll(1, 30):
                await log.append(Topic.EVENTS, [Entry(record.key, record.value + b"!")])
asyncio.run(main())
"""
    writes = frozenset({Topic.SAMPLES})
    child = await asyncio.create_subprocess_exec(*storage.child(code))
    async with storage.log(writes) as log:
        reader = log.reader(EVENTS)
        for name in "abcde":
            await log.append(Topic.SAMPLES, entries(name))
            assert values(await reader.poll(9, LONG_S)) == [name + "!"]
    assert await child.wait() == 0


appends = st.lists(
    st.tuples(
        st.sampled_from([Topic.SAMPLES, Topic.EVENTS]),
        st.lists(
            st.builds(
                Entry,
                st.sampled_from(["p1", "p2"]),
                st.binary(max_size=20),
                st.sampled_from([None, "x", "y", "z"]),
            ),
            min_size=1,
            max_size=5,
        ),
    ),
    max_size=12,
)


async def read_all(log: Log, topic: str, limit: int) -> list[Record]:
    """Everything, at most `limit` at a time."""
    reader, got = log.reader(topic), []
    while records := await reader.poll(limit, 0):
        got += records
    await reader.close()
    return got


async def check_sequence(storage: Storage, calls, *, together: bool, limit: int) -> None:
    """Whatever is appended reads like a list, without repeated ids where they are ignored."""
    model: dict[str, list[tuple[str, bytes]]] = {Topic.SAMPLES: [], Topic.EVENTS: []}
    seen: set[tuple[str, str]] = set()
    for topic, batch in calls:
        for entry in batch:
            repeated = storage.ignores_repeated_ids and (topic, str(entry.id)) in seen
            if entry.id is None or not repeated:
                model[topic].append((entry.key, entry.value))
            seen.add((topic, str(entry.id)))
    async with storage.log() as log:
        appends = [log.append(topic, batch) for topic, batch in calls]
        if together:
            await asyncio.gather(*appends)
        else:
            for call in appends:
                await call
        for topic, wanted in model.items():
            got = await read_all(log, topic, limit)
            assert [(record.key, record.value) for record in got] == wanted
            assert [record.offset for record in got] == list(range(len(wanted)))
            for key in ("p1", "p2"):
                by_key = await log.by_key(topic, key, 0, 999)
                assert by_key == [record for record in got if record.key == key]


@given(calls=appends, together=st.booleans(), limit=st.integers(1, 7))
def test_any_sequence_equals_the_model_on_sqlite(
    request: pytest.FixtureRequest, calls, together: bool, limit: int
):
    """Appended one by one or at once, read in any portions: like a list."""
    asyncio.run(check_sequence(sqlite(request), calls, together=together, limit=limit))


@pytest.mark.xdist_group("kafka")
@settings(max_examples=10)  # each makes topics of its own
@given(calls=appends, together=st.booleans(), limit=st.integers(1, 7))
def test_any_sequence_equals_the_model_on_kafka(
    request: pytest.FixtureRequest, calls, together: bool, limit: int
):
    """The same on Kafka."""
    asyncio.run(check_sequence(kafka(request), calls, together=together, limit=limit))
