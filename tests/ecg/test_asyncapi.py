"""The AsyncAPI document and docs/protocol.md say what the structs and the gateway do."""

import json
import re
from pathlib import Path

import make_asyncapi
import msgspec
import pytest
import yaml
from parts import run_node
from wire_samples import MESSAGES

from stream.gateway.codes import Close

ROOT = Path(__file__).parents[2]
DOCUMENT = yaml.safe_load(make_asyncapi.FILE.read_text())
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_the_file_is_what_the_structs_give():
    """Run tests/ecg/make_asyncapi.py after a change of the protocol."""
    assert yaml.safe_load(yaml.safe_dump(make_asyncapi.document())) == DOCUMENT


def references(part):
    """Every $ref below a part of the document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for item in part.values():
            yield from references(item)
    elif isinstance(part, list):
        for item in part:
            yield from references(item)


def test_every_reference_leads_somewhere():
    """A document with a broken reference is no document."""
    for reference in references(DOCUMENT):
        part = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_the_properties_stand_in_the_order_of_messagepack(name):
    """The golden frame's values, one after the other, are those of the properties."""
    message = MESSAGES[name]
    schema = SCHEMAS[type(message).__name__]
    assert list(schema["properties"]) == list(GOLDEN[name]["json"])
    packed = msgspec.msgpack.decode(bytes.fromhex(GOLDEN[name]["messagepack"]))
    assert len(packed) == len(schema["properties"])
    assert set(schema["required"]) <= set(GOLDEN[name]["json"])


def test_every_message_is_described():
    """In a sentence."""
    for name, message in DOCUMENT["components"]["messages"].items():
        assert message["summary"].endswith((".", ":", "`")) or len(message["summary"]) > 20, name


def test_every_close_code_stands_in_the_protocol():
    """With its name."""
    for code in Close:
        assert re.search(rf"\| {int(code)} \| {code.name.lower()} \|", PROTOCOL), code


def test_every_problem_code_of_the_sources_stands_in_the_protocol():
    """Found where errors are made."""
    made = r'(?:WireError|Refusal|Ended|self\._end)\((?:\s*[\w.]+,)?\s*"([a-z_]+)"|code="([a-z_]+)"'
    table = re.findall(
        r'^    \("[^"]+", "([a-z_]+)"\),$', (ROOT / "ecg/wire.py").read_text(), re.MULTILINE
    )
    sources = [ROOT / "ecg" / "wire.py", *(ROOT / "stream" / "gateway").glob("*.py")]
    found = set(table)
    for source in sources:
        found |= {one or other for one, other in re.findall(made, source.read_text())}
    assert len(found) > 20
    missing = {code for code in found if f"`{code}`" not in PROTOCOL}
    assert not missing


def test_a_client_in_another_language_decodes_the_golden_frames(tmp_path):
    """JavaScript, with the format's rules and the schemas alone."""
    schemas = tmp_path / "schemas.json"
    schemas.write_text(json.dumps(SCHEMAS))
    here = Path(__file__).parent
    printed = run_node(here / "golden.mjs", here / "golden.json", schemas)
    tagged = [schema for schema in SCHEMAS.values() if "type" in schema.get("properties", {})]
    assert printed.count(" ok") == len(tagged) == 17
