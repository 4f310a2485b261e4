"""The AsyncAPI document is valid, and its parts fit each other."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from davy.adapters.mqtt.event_messages import EventMessage

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
SPECIFICATION = Path(__file__).parent / "asyncapi" / "3.0.0.json.gz"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def jsonschema() -> ModuleType:
    import jsonschema  # a second and more: not for every worker

    return jsonschema


@pytest.fixture(scope="module")
def document() -> Document:
    found: Document = yaml.safe_load((REFERENCE / "asyncapi.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def specification() -> Document:
    found: Document = json.loads(gzip.decompress(SPECIFICATION.read_bytes()))
    return found


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


def found(document: Document, reference: str) -> bool:
    value: Any = document
    for part in reference.removeprefix("#/").split("/"):
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


def test_it_follows_the_specification(jsonschema: ModuleType, document: Document, specification: Document):
    jsonschema.Draft7Validator(specification).validate(document)


def test_a_document_that_breaks_the_specification_is_found(jsonschema: ModuleType, document: Document, specification: Document):
    broken = document | {"channels": {"frame": {"adress": "davy"}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(specification).validate(broken)


def test_every_reference_leads_somewhere(document: Document):
    wanted = set(references(document))
    assert len(wanted) > 30
    assert {each for each in wanted if not found(document, each)} == set()


def test_every_channel_has_one_sender(document: Document):
    senders = [operation["channel"]["$ref"].rsplit("/", 1)[1] for operation in document["operations"].values()]
    assert sorted(senders) == sorted(document["channels"])


def test_the_schema_of_an_event_is_that_of_its_message(jsonschema: ModuleType):
    schema = json.loads((REFERENCE / "event.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"].keys() == EventMessage.model_fields.keys()
