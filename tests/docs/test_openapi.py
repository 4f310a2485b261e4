"""The OpenAPI documents of the manual are valid, and complete."""

import json
from pathlib import Path
from typing import Any

import pytest

from davy.access.permissions import REST

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "openapi"
Document = dict[str, Any]


@pytest.fixture(params=REST)
def document(request: pytest.FixtureRequest) -> Document:
    found: Document = json.loads((FOLDER / f"{request.param}.json").read_text(encoding="utf-8"))
    return found | {"x-service": request.param}


def operations(document: Document) -> dict[str, Document]:
    return {f"{method.upper()} {path}": each for path, item in document["paths"].items() for method, each in item.items()}


def test_a_document_follows_the_specification(document: Document):
    from openapi_spec_validator import validate  # a second and more: not for every worker

    validate(document)


def test_a_document_names_servers_and_identities(document: Document):
    assert [server["url"] for server in document["servers"]] == ["/", "{scheme}://{host}:{port}"]
    kinds = {scheme["type"] for scheme in document["components"]["securitySchemes"].values()}
    assert kinds == {"http", "apiKey", "mutualTLS"}
    assert [*document["security"][0]] == ["token"]


def test_each_operation_has_the_permission_of_the_table(document: Document):
    table = REST[document["x-service"]]
    for name, operation in operations(document).items():
        assert operation["x-permission"] == table[name].value
        assert (operation.get("security") == []) == (table[name] == "public"), name


def test_examples_are_values_of_their_schemas(document: Document):
    import jsonschema  # a second and more: not for every worker

    bodies = [
        body.get("content", {}).get("application/json", {})
        for operation in operations(document).values()
        for body in (operation.get("requestBody", {}), *operation["responses"].values())
    ]
    found = [body for body in bodies if body.get("schema")]
    assert sum("example" in body for body in found) >= 0.9 * len(found)
    for body in found:
        if "example" in body:
            jsonschema.validate(body["example"], body["schema"] | {"components": document["components"]})
