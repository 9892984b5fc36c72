"""The OpenAPI document is complete: what every route must say, and that its examples are true."""

import re
from pathlib import Path

import jsonschema_rs
import pytest

from stream.config import Settings
from stream.gateway.app import FILES, create_app
from stream.gateway.openapi import TAGS
from stream.gateway.problems import CODES, MEDIA_TYPE
from stream.log import SqliteLog
from stream.log.sqlite import GATEWAY_WRITES
from stream.store import Store


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """The real application's document."""
    folder = tmp_path_factory.mktemp("openapi")
    with Store(folder / "store.db") as store:
        log = SqliteLog(folder, GATEWAY_WRITES)
        return create_app(Settings(folder=folder), log, store).openapi()


def operations(document):
    """Every (name, operation)."""
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def media_of(operation):
    """Every (status or "body", media type, its description)."""
    described = operation["responses"] | {"body": operation.get("requestBody", {})}
    for status, part in described.items():
        for media, content in part.get("content", {}).items():
            yield status, media, content


def test_it_is_openapi_3_1_and_says_what_beatwire_is_not(document):
    """With its licence and the words for each group of routes."""
    assert document["openapi"].startswith("3.1")
    assert "Not a medical device" in document["info"]["description"]
    assert document["info"]["license"]["identifier"] == "Apache-2.0"
    assert all(tag["description"] for tag in document["tags"])


def test_every_route_is_described_and_stands_in_one_known_group(document):
    """A summary is made of the function's name, the description is its docstring."""
    for name, operation in operations(document):
        assert operation["description"], name
        assert len(operation["tags"]) == 1, name
        assert operation["tags"][0] in TAGS, name


def test_every_error_of_every_route_is_problem_details(document):
    """Also those that middleware and guards answer; FastAPI's own form appears nowhere."""
    assert "HTTPValidationError" not in str(document)
    for name, operation in operations(document):
        errors = {status for status in operation["responses"] if status >= "400"}
        needed = {"429", "500"}
        if "security" in operation:
            needed |= {"401", "403"}
        if "requestBody" in operation:
            needed |= {"413", "415", "422"}
        assert needed <= errors, name
        for status, media, _ in media_of(operation):
            if status in errors and name != "GET /ready":  # 503 is its answer
                assert media == MEDIA_TYPE, (name, status)


def test_every_body_and_answer_has_an_example_that_its_schema_accepts(document):
    """An independent validator (JSON Schema 2020-12) checks them."""
    for name, operation in operations(document):
        for status, media, content in media_of(operation):
            examples = [one["value"] for one in content.get("examples", {}).values()]
            examples += [content["example"]] if "example" in content else []
            assert examples, (name, status, media)
            if "schema" in content and media.endswith("json"):
                whole = {**content["schema"], "components": document["components"]}
                for example in examples:
                    jsonschema_rs.Draft202012Validator(whole).validate(example)


def texts_of(schema):
    """Every free text of a JSON Schema: not those of an enumeration."""
    if schema.get("type") == "string" and "enum" not in schema:
        yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    inner += [schema["items"]] if isinstance(schema.get("items"), dict) else []
    for one in inner:
        yield from texts_of(one)


def test_no_text_that_is_taken_may_hold_the_character_that_postgresql_refuses(document):
    """U+0000, in paths, queries and bodies: what comes in by HTTP goes to the store."""
    for name, operation in operations(document):
        asked = [one["schema"] for one in operation.get("parameters", ())]
        media = operation.get("requestBody", {}).get("content", {})
        asked += [media["application/json"]["schema"]] if "application/json" in media else []
        for text in (text for schema in asked for text in texts_of(schema)):
            assert re.search(text.get("pattern", ""), "a\0") is None, (name, text)


def test_everything_under_v1_asks_for_the_token(document):
    """The scheme is declared, and each of these routes names it."""
    (scheme,) = document["components"]["securitySchemes"].items()
    assert scheme[1]["type"] == "http"
    for name, operation in operations(document):
        if " /v1/" in name:
            assert operation["security"] == [{scheme[0]: []}], name


def test_what_reads_files_is_a_route(document):
    """A path in FILES that no route has would be a limit that nobody keeps."""
    assert set(document["paths"]) >= FILES


def test_every_code_of_an_error_is_documented():
    """docs/protocol.md is what people write their programs against."""
    protocol = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    for code in CODES.values():
        assert f"| `{code}`" in protocol, code
