"""The status codes of Davy's errors: one table for HTTP and gRPC. Nothing else maps an error to a status code."""

from http import HTTPStatus
from typing import NamedTuple

from davy.domain import errors


class Status(NamedTuple):
    """The answer to an error: an HTTP status code, and the name of a `grpc.StatusCode`."""

    http: HTTPStatus
    grpc: str


INTERNAL = Status(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL")
UNAVAILABLE = Status(HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE")

# The nearest class in an error's ancestry decides.
STATUS: dict[type[errors.DavyError], Status] = {
    errors.InvalidInputError: Status(HTTPStatus.UNPROCESSABLE_ENTITY, "INVALID_ARGUMENT"),
    errors.NotFoundError: Status(HTTPStatus.NOT_FOUND, "NOT_FOUND"),
    errors.UnsupportedError: Status(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "INVALID_ARGUMENT"),
    errors.NotAcceptableError: Status(HTTPStatus.NOT_ACCEPTABLE, "INVALID_ARGUMENT"),
    errors.TooLargeError: Status(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RESOURCE_EXHAUSTED"),
    errors.ConflictError: Status(HTTPStatus.CONFLICT, "FAILED_PRECONDITION"),
    errors.ChangedMeanwhileError: Status(HTTPStatus.PRECONDITION_FAILED, "FAILED_PRECONDITION"),
    errors.RefusedError: Status(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED"),
    errors.UnauthenticatedError: Status(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED"),
    errors.TooManyAttemptsError: Status(HTTPStatus.TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
    errors.IdentityRefusedError: Status(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED"),
    errors.UnavailableError: UNAVAILABLE,
    errors.OverloadedError: Status(HTTPStatus.SERVICE_UNAVAILABLE, "RESOURCE_EXHAUSTED"),
    errors.StorageFullError: Status(HTTPStatus.INSUFFICIENT_STORAGE, "UNAVAILABLE"),  # gRPC's clients retry
    errors.DeadlineExceededError: Status(HTTPStatus.GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED"),
    errors.CameraError: UNAVAILABLE,
    errors.ModelError: INTERNAL,
    errors.ModelRefusedError: Status(HTTPStatus.UNPROCESSABLE_ENTITY, "INVALID_ARGUMENT"),
    # The server, not the client, causes errors of configuration and installation.
    errors.ConfigError: INTERNAL,
    errors.MissingExtraError: INTERNAL,
    errors.KernelsMissingError: INTERNAL,
    errors.KernelsOutdatedError: INTERNAL,
    errors.TrainingError: INTERNAL,
    errors.MineFailedError: INTERNAL,
    errors.TransferError: INTERNAL,
    errors.ScaleTestError: INTERNAL,
}


def status_of(error: errors.DavyError) -> Status:
    """Return the status codes of an error; a class outside the table counts as an internal error."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), INTERNAL)
