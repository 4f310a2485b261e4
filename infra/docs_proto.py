"""Reference of gRPC: services and messages with their comments, from the .proto files."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from docs_markdown import cell, code, page, sentence, table
from docs_sources import ROOT
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc

PROTO = ROOT / "proto"
INTRO = """
The contract is in `proto/davy/v1`. Every server offers reflection and the standard health service. A failed call carries a
status from [errors](errors.md).
"""
MESSAGE, ENUM, SERVICE, FIELD, NESTED, VALUE, METHOD = 4, 5, 6, 2, 3, 2, 2  # field numbers of descriptor.proto
Comments = dict[tuple[int, ...], str]


def proto_page() -> str:
    """The page with every service, message and enumeration."""
    parts = [part for file in _files() for part in _file(file)]
    return page("gRPC", INTRO, *parts)


def _files() -> list[FileDescriptorProto]:
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "set"
        include = [f"-I{PROTO}", f"-I{Path(protoc.__file__).parent / '_proto'}"]
        if protoc.main(["protoc", *include, f"--descriptor_set_out={target}", "--include_source_info", *sources]) != 0:
            raise SystemExit("protoc failed")
        return list(FileDescriptorSet.FromString(target.read_bytes()).file)


def _file(file: FileDescriptorProto) -> Iterator[str]:
    said: Comments = {
        tuple(place.path): " ".join((place.leading_comments or place.trailing_comments).split())
        for place in file.source_code_info.location
    }
    yield f"## {file.name}\n"
    for index, service in enumerate(file.service):
        own = (SERVICE, index)
        rows = []
        for at, method in enumerate(service.method):
            sent = ("stream " if method.client_streaming else "") + _short(method.input_type)
            answer = ("stream " if method.server_streaming else "") + _short(method.output_type)
            rows.append((code(method.name), code(sent), code(answer), cell(said.get((*own, METHOD, at), ""))))
        head = f"### service {service.name}\n\n{sentence(said.get(own, ''))}\n\n"
        yield head + table(("method", "request", "response", "meaning"), rows)
    for index, message in enumerate(file.message_type):
        yield from _message(message, (MESSAGE, index), said)
    for index, enum in enumerate(file.enum_type):
        yield _enum(enum, (ENUM, index), said)


def _message(message: DescriptorProto, own: tuple[int, ...], said: Comments) -> Iterator[str]:
    entries = {nested.name: nested for nested in message.nested_type if nested.options.map_entry}
    rows = [
        (str(field.number), code(field.name), code(_type(field, entries)), cell(sentence(said.get((*own, FIELD, at), ""))))
        for at, field in enumerate(message.field)
    ]
    fields = table(("number", "field", "type", "meaning"), rows) if rows else "No fields.\n"
    yield f"### message {message.name}\n\n{sentence(said.get(own, ''))}\n\n{fields}"
    for at, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _message(nested, (*own, NESTED, at), said)


def _enum(enum: EnumDescriptorProto, own: tuple[int, ...], said: Comments) -> str:
    rows = [(str(value.number), code(value.name), cell(said.get((*own, VALUE, at), ""))) for at, value in enumerate(enum.value)]
    return f"### enum {enum.name}\n\n{sentence(said.get(own, ''))}\n\n" + table(("number", "value", "meaning"), rows)


def _type(field: FieldDescriptorProto, entries: dict[str, DescriptorProto]) -> str:
    name = (
        _short(field.type_name) if field.type_name else FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    )
    if name in entries:
        key, value = entries[name].field
        return f"map<{_type(key, {})}, {_type(value, {})}>"
    if field.label == FieldDescriptorProto.LABEL_REPEATED:
        return f"repeated {name}"
    return f"optional {name}" if field.proto3_optional else name


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]
