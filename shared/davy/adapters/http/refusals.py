"""The errors that a service's answers stand for, on the side of its clients: the inverse of `davy.adapters.status`."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from davy.domain.errors import (
    ConflictError,
    DavyError,
    IdentityRefusedError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    RefusedError,
    TooLargeError,
    UnavailableError,
    UnsupportedError,
)

_ERRORS: Final[Mapping[int, type[DavyError]]] = {
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.PRECONDITION_FAILED: ConflictError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooLargeError,
    HTTPStatus.NOT_ACCEPTABLE: UnsupportedError,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: UnsupportedError,
    HTTPStatus.TOO_MANY_REQUESTS: RefusedError,
}


def error_of(status: int, detail: str, unavailable: Callable[[str], UnavailableError]) -> DavyError:
    """Return the error of an answer, in the words of the service.

    Args:
        status: 400 to 599.
        detail: Of the problem.
        unavailable: Makes the error of 500 and above.
    """
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unavailable(detail)
    if status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return _ERRORS.get(status, InvalidInputError)(detail)
    refused = IdentityRefusedError if status == HTTPStatus.UNAUTHORIZED else PermissionDeniedError
    error = refused("this program", detail)
    error.args = (detail,)  # the service's own words say who may not do what
    return error
