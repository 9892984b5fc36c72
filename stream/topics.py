"""`beatwire topics`: make what a house needs on a Kafka cluster, or look at what there is."""

import argparse
import asyncio
import sys

from stream.config import Settings
from stream.log.base import LogError, Topic
from stream.log.chosen import retention
from stream.log.kafka import connection_of, topics


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; the cluster's settings are also variables BEATWIRE_KAFKA…."""
    parser.add_argument("action", choices=("create", "list"))
    parser.add_argument("--kafka", metavar="HOST:PORT", help="brokers, with commas between")
    parser.add_argument("--partitions", type=_count, default=topics.PARTITIONS)
    parser.add_argument(
        "--replicas", type=_count, help="default: 3, or as many as there are brokers"
    )


def run(args: argparse.Namespace) -> int:
    """Create or list; returns the exit status."""
    try:
        settings = Settings.load(kafka=args.kafka)
        act = _create(settings, args) if args.action == "create" else _list(settings)
        return asyncio.run(act)
    except (LogError, OSError, ValueError) as error:
        print(f"beatwire topics: {error}", file=sys.stderr)  # noqa: T201
        return 2


async def _create(settings: Settings, args: argparse.Namespace) -> int:
    made = await topics.create(
        connection_of(settings), retention(settings), args.partitions, args.replicas
    )
    for each in made:
        _say(each.topic, each.state, "created" if each.new else "was there, unchanged")
    return 0


async def _list(settings: Settings) -> int:
    """Status 1 when a topic is missing."""
    found = await topics.found(connection_of(settings))
    for topic in Topic:
        if topic in found:
            _say(topic, found[topic], "is there")
        else:
            print(f"{topic.value}: missing")  # noqa: T201
    return 0 if len(found) == len(Topic) else 1


def _say(topic: str, state: topics.State, what: str) -> None:
    size = f"{state.partitions} partitions, {state.replicas} replicas"
    print(f"{Topic(topic).value}: {what} ({size})")  # noqa: T201


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number
