"""One table gives every error its HTTP and its gRPC status."""

import importlib
import pkgutil
from collections.abc import Iterator
from http import HTTPStatus

import grpc
import pytest

import davy.domain
from davy.adapters.status import INTERNAL, STATUS, status_of
from davy.domain.errors import (
    ChangedMeanwhileError,
    ConfigError,
    DavyError,
    DeadlineExceededError,
    FrameTooLargeError,
    ImageTooLargeError,
    InvalidIdError,
    NotAcceptableError,
    OverloadedError,
    StoreUnavailableError,
    UnavailableError,
    UnknownCameraError,
    UnknownConfigError,
    UnknownEdgeError,
    UnreadableImageError,
    UnsupportedImageError,
)

for module in pkgutil.iter_modules(davy.domain.__path__):
    importlib.import_module(f"davy.domain.{module.name}")


def leaves(kind: type[DavyError] = DavyError) -> Iterator[type[DavyError]]:
    own = [each for each in kind.__subclasses__() if each.__module__.startswith("davy.domain")]
    if not own:
        yield kind
    for each in own:
        yield from leaves(each)


@pytest.mark.parametrize("leaf", list(leaves()), ids=lambda leaf: leaf.__name__)
def test_every_leaf_error_has_an_http_and_a_grpc_status(leaf: type[DavyError]):
    found = next((STATUS[kind] for kind in leaf.__mro__ if kind in STATUS), None)
    assert found is not None, f"{leaf.__name__} has no line in the table, and no class above it has one"
    assert found.http >= HTTPStatus.BAD_REQUEST
    assert grpc.StatusCode[found.grpc] is not grpc.StatusCode.OK


def test_both_protocols_blame_the_same_side():
    ours = {"INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"}
    for kind, (http, name) in STATUS.items():
        if kind is not OverloadedError:  # gRPC has a word of its own for it
            assert (http >= HTTPStatus.INTERNAL_SERVER_ERROR) == (name in ours), kind


@pytest.mark.parametrize(
    ("error", "http", "name"),
    [
        (InvalidIdError("site", "?"), 422, "INVALID_ARGUMENT"),
        (UnreadableImageError("truncated"), 422, "INVALID_ARGUMENT"),
        (UnsupportedImageError("a PDF", "JPEG"), 415, "INVALID_ARGUMENT"),
        (NotAcceptableError("text/html", ["image/jpeg"]), 406, "INVALID_ARGUMENT"),
        (ImageTooLargeError("900 megapixels", "64"), 413, "RESOURCE_EXHAUSTED"),
        (FrameTooLargeError(2, 1), 413, "RESOURCE_EXHAUSTED"),
        (UnknownCameraError("north.face", []), 404, "NOT_FOUND"),
        (UnknownEdgeError("north", []), 404, "NOT_FOUND"),
        (UnknownConfigError("north", "c1"), 404, "NOT_FOUND"),
        (ChangedMeanwhileError("the configuration", "a", "b"), 412, "FAILED_PRECONDITION"),
        (OverloadedError("the queue", 1), 503, "RESOURCE_EXHAUSTED"),
        (StoreUnavailableError("redis://x"), 503, "UNAVAILABLE"),
        (DeadlineExceededError("enhancing", 1), 504, "DEADLINE_EXCEEDED"),
        (UnavailableError("?"), 503, "UNAVAILABLE"),
        (ConfigError("wrong"), 500, "INTERNAL"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, DavyError) else "",
)
def test_the_nearest_class_decides_the_status(error: DavyError, http: int, name: str):
    assert status_of(error) == (http, name)


def test_an_error_that_the_table_does_not_know_is_internal():
    assert status_of(DavyError("?")) == INTERNAL
