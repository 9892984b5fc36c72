"""The AsyncAPI document from the structs; as a program, writes docs/asyncapi.yaml anew."""

import inspect
from pathlib import Path
from typing import Any

import msgspec
import yaml

from ecg import messages as m
from ecg import wire
from ecg.objects import twin

FILE = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
SCHEMAS = "#/components/schemas/"
INFO = """What crosses the wire between devices, subscribers and the gateway. Not a medical device.

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


def document() -> dict[str, Any]:
    """The whole document."""
    channels = {name: _channel(*parts) for name, parts in CHANNELS.items()}
    operations = {}
    for name, (_, _, received, sent) in CHANNELS.items():
        operations[f"{name}Receive"] = _operation("receive", name, received)
        operations[f"{name}Send"] = _operation("send", name, sent)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Beatwire",
            "version": str(m.VERSION),
            "description": INFO,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:8000", "protocol": "ws"}},
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _kinds() -> list[type[msgspec.Struct]]:
    found: dict[type[msgspec.Struct], None] = {}
    for _, _, received, sent in CHANNELS.values():
        found |= dict.fromkeys((*received.types, *sent.types))
    return list(found)


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


def _channel(address: str, text: str, received: wire.Codec, sent: wire.Codec) -> dict[str, Any]:
    tags = [_tag(kind) for kind in dict.fromkeys((*received.types, *sent.types))]
    return {
        "address": address,
        "description": text,
        "messages": {tag: {"$ref": f"#/components/messages/{tag}"} for tag in tags},
        "bindings": {"ws": {"method": "GET"}},
    }


def _operation(action: str, channel: str, codec: wire.Codec) -> dict[str, Any]:
    refs = [{"$ref": f"#/channels/{channel}/messages/{_tag(kind)}"} for kind in codec.types]
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
