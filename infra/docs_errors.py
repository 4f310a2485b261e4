"""Reference of the errors: the tree, and the status that each is answered with."""

import inspect
from collections.abc import Iterator
from http import HTTPStatus

from docs_markdown import cell, code, page, sentence, table

from davy.adapters.status import status_of
from davy.domain import errors

INTRO = """
Davy raises one tree of errors on purpose. The text is for the person who can act; the facts are attributes. REST answers with
`application/problem+json` (RFC 9457), whose `type` is `urn:davy:problem:NAME`; gRPC answers with the status below.
Indentation shows the tree.
"""


def errors_page() -> str:
    """The page with the whole tree."""
    return page("Errors", INTRO, table(("error", "HTTP", "gRPC", "meaning"), _rows(errors.DavyError, 0)))


def _rows(kind: type[errors.DavyError], depth: int) -> Iterator[tuple[str, ...]]:
    http, grpc = _statuses(_bare(kind))
    indent = "&nbsp;" * 4 * depth
    yield indent + code(kind.__name__), f"{http.value} {http.phrase}", code(grpc), _meaning(kind)
    for child in sorted(kind.__subclasses__(), key=lambda found: found.__name__):
        if child.__module__.startswith("davy"):
            yield from _rows(child, depth + 1)


def _statuses(error: errors.DavyError) -> tuple[HTTPStatus, str]:
    """The HTTP status, and the name of the gRPC status."""
    return status_of(error)


def _bare(kind: type[errors.DavyError]) -> errors.DavyError:
    """An instance without its facts: the status depends on the class alone."""
    return kind.__new__(kind)


def _meaning(kind: type[errors.DavyError]) -> str:
    if kind.__doc__ and "__doc__" in vars(kind):
        return cell(sentence(kind.__doc__))
    source = inspect.getsource(kind)
    text = source.partition("super().__init__(")[2]
    message = next((part for part in text.split('"') if " " in part), "")
    return cell(sentence(message)) if message else ""
