"""The AsyncAPI document from the structs; as a program, writes docs/asyncapi.yaml anew."""

import inspect
from pathlib import Path
from typing import Any

import msgspec
import yaml

from ecg import messages as m
from ecg import wire
from ecg.objects import twin

Kinds = tuple[type[msgspec.Struct], ...]

FILE = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
SCHEMAS = "#/components/schemas/"
INFO = """What crosses the wire between devices, subscribers, the gateway and Kafka. Not a medical device.

Binary frames are MessagePack: an array of type, version and the fields in the order of the schema's
properties, bytes as such. Text frames are JSON: the objects described here, bytes as base64. The
rules (order, acknowledgement, credit, limits, codes) stand in protocol.md.
"""
CHANNELS = {
    "ingest": (
        "/v1/ingest",
        "Devices in: HELLO, then blocks, each acknowledged once it is durable.",
        wire.from_device,
        wire.to_device,
    ),
    "subscribe": (
        "/v1/subscribe",
        "Events out: a snapshot, then events in order, each with the cursor to resume after it.",
        wire.from_subscriber,
        wire.to_subscriber,
    ),
}

TOPICS = {
    "samples": ("receive", "What devices send.", wire.samples.types),
    "events": (
        "send",
        "What was found of each patient, in order; at least once.",
        (m.Beat, m.Vitals, m.Gap, m.CommandDone),
    ),
    "alarms": ("send", "Every update of every alarm, in order; at least once.", (m.Alarm,)),
    "rejected": ("send", "Records that were left out, and why.", wire.rejected.types),
}
"""Topics of a house on Kafka, `ecg.` and the name; the key is the patient."""


def document() -> dict[str, Any]:
    """The whole document."""
    channels = {name: _channel(*parts) for name, parts in CHANNELS.items()}
    operations = {}
    for name, (_, _, received, sent) in CHANNELS.items():
        operations[f"{name}Receive"] = _operation("receive", name, received.types)
        operations[f"{name}Send"] = _operation("send", name, sent.types)
    for name, (action, text, kinds) in TOPICS.items():
        channels[name] = _topic(name, text, kinds)
        operations[f"{name}{action.title()}"] = _operation(action, name, kinds)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Beatwire",
            "version": str(m.VERSION),
            "description": INFO,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {"host": "127.0.0.1:8000", "protocol": "ws"},
            "kafka": {"host": "127.0.0.1:9092", "protocol": "kafka"},
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _kinds() -> list[type[msgspec.Struct]]:
    found: dict[type[msgspec.Struct], None] = {}
    for _, _, received, sent in CHANNELS.values():
        found |= dict.fromkeys((*received.types, *sent.types))
    for _, _, kinds in TOPICS.values():
        found |= dict.fromkeys(kinds)
    return list(found)


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


def _channel(address: str, text: str, received: wire.Codec, sent: wire.Codec) -> dict[str, Any]:
    tags = [_tag(kind) for kind in dict.fromkeys((*received.types, *sent.types))]
    return {
        "address": address,
        "description": text,
        "servers": [{"$ref": "#/servers/local"}],
        "messages": {tag: {"$ref": f"#/components/messages/{tag}"} for tag in tags},
        "bindings": {"ws": {"method": "GET"}},
    }


def _topic(name: str, text: str, kinds: Kinds) -> dict[str, Any]:
    tags = [_tag(kind) for kind in kinds]
    return {
        "address": f"ecg.{name}",
        "description": text,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {tag: {"$ref": f"#/components/messages/{tag}"} for tag in tags},
    }


def _operation(action: str, channel: str, kinds: Kinds) -> dict[str, Any]:
    refs = [{"$ref": f"#/channels/{channel}/messages/{_tag(kind)}"} for kind in kinds]
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "messages": refs}


def _messages() -> dict[str, Any]:
    return {
        _tag(kind): {
            "name": _tag(kind),
            "summary": inspect.cleandoc(kind.__doc__ or "").partition("\n")[0],
            "payload": {"$ref": SCHEMAS + kind.__name__},
        }
        for kind in _kinds()
    }


def _schemas() -> dict[str, Any]:
    twins = [twin(kind) for kind in _kinds()]
    _, components = msgspec.json.schema_components(twins, ref_template=SCHEMAS + "{name}")
    return dict(sorted(components.items()))


if __name__ == "__main__":
    text = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=100)
    FILE.write_text("# Made by tests/ecg/make_asyncapi.py from ecg/messages.py\n" + text)
