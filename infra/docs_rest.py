"""Reference of REST: the OpenAPI documents of the running services, and a page for each."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs_markdown import cell, code, page, sentence, table
from docs_sources import ROOTS

SERVICES = ("aggregator", "enhancer", "trainer", "company")
COMPANY = "company: demo\nsites: {north: {aggregator: 'http://127.0.0.1:9'}}\n"
START_S = 60.0
METHODS = ("get", "post", "put", "patch", "delete")
SITE = "site: demo\nedges: {north: {cameras: {face: {source: 'http://127.0.0.1:9/face.mjpeg'}}}}\n"


def openapi_documents() -> dict[str, dict[str, Any]]:
    """Start each service alone on free ports and fetch its OpenAPI document."""
    return {name: _fetch(name) for name in SERVICES}


def rest_page(name: str, document: dict[str, Any]) -> str:
    """The page of one service: each route with its parameters, bodies and answers, then the schemas."""
    intro = f"""
Service `davy {name}`; errors are `application/problem+json` (RFC 9457), see [errors](errors.md). The machine-readable form is
[OpenAPI {document["openapi"]}](openapi/{name}.json).
"""
    routes = [
        _route(path, method, item[method]) for path, item in document["paths"].items() for method in METHODS if method in item
    ]
    schemas = document.get("components", {}).get("schemas", {})
    shown = [_schema(title, schema) for title, schema in sorted(schemas.items()) if "properties" in schema or "enum" in schema]
    heading = ["## Schemas\n"] if shown else []
    return page(f"REST: {name}", intro, "## Routes\n", *routes, *heading, *shown)


def _fetch(name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site.yaml"
        site.write_text(SITE, encoding="utf-8")
        port, grpc_port = _free_port(), _free_port()
        env = {key: value for key, value in os.environ.items() if not key.startswith("DAVY_")}
        prefix = f"DAVY_{name.upper()}"
        company = Path(folder) / "company.yaml"
        company.write_text(COMPANY, encoding="utf-8")
        configs: dict[str, list[str]] = {"trainer": [], "company": ["--config", str(company)]}
        env |= {
            f"{prefix}_PORT": str(port),
            f"{prefix}_GRPC_PORT": str(grpc_port),
            f"{prefix}_DATA": folder,
            "DAVY_BROKER": "mqtt://127.0.0.1:9",
            "PYTHONPATH": os.pathsep.join(map(str, ROOTS)),
        }
        command = [sys.executable, "-m", "davy", name, "--insecure", *configs.get(name, ["--config", str(site)])]
        with subprocess.Popen(
            command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                return _get(f"http://127.0.0.1:{port}/openapi.json", process)
            finally:
                process.terminate()


def _get(url: str, process: "subprocess.Popen[str]") -> dict[str, Any]:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                document: dict[str, Any] = json.load(answer)
                return document
        except OSError:
            time.sleep(0.1)
    process.terminate()
    sys.exit(f"no answer from {url}: {process.stderr.read() if process.stderr else ''}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _route(path: str, method: str, operation: dict[str, Any]) -> str:
    text = " ".join(operation.get("description", "").split())
    parts = [f"### {method.upper()} {path}\n", sentence(text or operation.get("summary", "")) + "\n"]
    rows = [
        (code(p["name"]), p["in"], cell(_type(p["schema"])), "yes" if p.get("required") else "", cell(_said(p)))
        for p in operation.get("parameters", [])
    ]
    if rows:
        parts.append(table(("parameter", "in", "type", "required", "meaning"), rows))
    if body := operation.get("requestBody"):
        kinds = ", ".join(f"{code(kind)} {_type(value.get('schema', {}))}" for kind, value in body["content"].items())
        parts.append(f"Body: {kinds}.\n")
    answers = [
        (code(status), cell(answer.get("description", "")), _kinds(answer)) for status, answer in operation["responses"].items()
    ]
    parts.append(table(("status", "meaning", "content"), answers))
    return "\n".join(parts)


def _kinds(answer: dict[str, Any]) -> str:
    return ", ".join(
        f"{code(kind)} {_type(value.get('schema', {}))}".strip() for kind, value in answer.get("content", {}).items()
    )


def _said(parameter: dict[str, Any]) -> str:
    default = parameter.get("schema", {}).get("default")
    text = sentence(parameter.get("description") or parameter.get("schema", {}).get("description", ""))
    return text + (f" Default: `{default}`." if default not in (None, "") else "")


def _schema(title: str, schema: dict[str, Any]) -> str:
    text = sentence(schema.get("description", ""))
    if "enum" in schema:
        return f"### {title}\n\n{text}\n\nOne of {', '.join(code(value) for value in schema['enum'])}.\n"
    rows = [
        (code(name), cell(_type(field)), cell(sentence(field.get("description", ""))))
        for name, field in schema["properties"].items()
    ]
    return f"### {title}\n\n{text}\n\n" + table(("field", "type", "meaning"), rows)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    for joined in ("anyOf", "oneOf", "allOf"):
        if joined in schema:
            return " or ".join(_type(part) for part in schema[joined])
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    if "enum" in schema:
        return " or ".join(str(value) for value in schema["enum"])
    return " ".join(filter(None, [schema.get("type", ""), *_limits(schema)]))


def _limits(schema: dict[str, Any]) -> Iterator[str]:
    for name, sign in (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<")):
        if name in schema:
            yield f"{sign} {schema[name]}"
