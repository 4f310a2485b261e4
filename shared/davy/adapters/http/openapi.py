"""What FastAPI does not know about a service in its OpenAPI document: servers, identities, permissions and examples."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI

from davy.access.permissions import REST
from davy.access.roles import Permission
from davy.adapters.access.credentials import SESSION_COOKIE
from davy.domain.camera import ID_PATTERN

Schema = Mapping[str, Any]

SCHEMES: Final[Mapping[str, Schema]] = {
    "token": {"type": "http", "scheme": "bearer", "description": "Token of a program, made by `davy tokens add`."},
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": "A browser's session."},
    "certificate": {"type": "mutualTLS", "description": "Client certificate of the site, made by `davy identity`."},
}
_MOST_NESTED = 16
_DATE_TIME = "2026-11-22T18:20:31.120Z"


class _NoExampleError(Exception):
    """Nothing is known of a value."""


def describe(app: FastAPI, service: str, port: int) -> None:
    """Complete the OpenAPI document of an app. Call it after every route is added.

    Args:
        app: The app.
        service: "aggregator", "enhancer", "trainer" or "company": its table of permissions.
        port: The documented port.
    """
    generate, table = app.openapi, REST[service]

    def completed() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            document["servers"] = _servers(port)
            document["security"] = [{name: []} for name in SCHEMES]
            document.setdefault("components", {})["securitySchemes"] = dict(SCHEMES)
            for path, item in document["paths"].items():
                for method, operation in item.items():
                    _complete(operation, table.get(f"{method.upper()} {path}"), document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = completed  # type: ignore[method-assign]  # as FastAPI's manual asks


def example_of(schema: Schema, document: Schema, depth: int = 0) -> Any:  # noqa: ANN401  # any JSON value
    """Make a value of a schema from the examples of its fields.

    Raises:
        _NoExampleError: a required field has none.
    """
    if depth > _MOST_NESTED:
        raise _NoExampleError
    if "$ref" in schema:
        return example_of(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document, depth + 1)
    for known in ("examples", "enum"):
        if known in schema:
            return schema[known][0]
    for known in ("const", "default"):
        if known in schema:
            return schema[known]
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema:
            return None if {"type": "null"} in schema[joined] else example_of(schema[joined][0], document, depth + 1)
    return _of_type(schema, document, depth)


def _of_type(schema: Schema, document: Schema, depth: int) -> Any:  # noqa: ANN401  # as above
    match schema.get("type"):
        case "object" if "minProperties" not in schema:
            fields = schema.get("properties", {})
            return {name: example_of(field, document, depth + 1) for name, field in fields.items()}
        case "array":
            each = schema.get("prefixItems") or [schema.get("items", {})] * max(1, schema.get("minItems", 1))
            return [example_of(item, document, depth + 1) for item in each]
        case "boolean":
            return False
        case "integer" | "number":
            return max(0, schema.get("minimum", 0), schema.get("exclusiveMinimum", -1) + 1)
        case "string" if schema.get("format") == "date-time":
            return _DATE_TIME
        case "string" if schema.get("pattern") == f"^{ID_PATTERN}$":
            return "face"
        case "string" if "pattern" not in schema:
            return "text"
        case None:
            return None
        case _:
            raise _NoExampleError


def _servers(port: int) -> list[Schema]:
    host = {"default": "localhost", "description": "Name or address of the service."}
    return [
        {"url": "/", "description": "The service that serves this document."},
        {
            "url": "{scheme}://{host}:{port}",
            "description": "A service of a site; http only where nothing is encrypted.",
            "variables": {
                "scheme": {"default": "https", "enum": ["https", "http"]},
                "host": host,
                "port": {"default": str(port)},
            },
        },
    ]


def _complete(operation: dict[str, Any], permission: Permission | None, document: Schema) -> None:
    if permission is not None:
        operation["x-permission"] = permission.value
    if permission is Permission.PUBLIC:
        operation["security"] = []
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in (body.get("content", {}).get("application/json") for body in bodies):
        if content and "schema" in content and not {"example", "examples"} & content.keys():
            try:
                content["example"] = example_of(content["schema"], document)
            except _NoExampleError:
                continue
