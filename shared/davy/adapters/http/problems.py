"""Error responses: every error of an app becomes an RFC 9457 problem."""

import re
import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from davy.adapters.http.head import HeadRequests
from davy.adapters.status import status_of
from davy.domain.errors import DavyError, UnavailableError
from davy.telemetry import get_logger

log = get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"


def problem(
    status: int,
    detail: str,
    *,
    kind: str = "",
    title: str = "",
    instance: str = "",
    headers: Mapping[str, str] | None = None,
    **members: object,
) -> JSONResponse:
    """Build an RFC 9457 response.

    Args:
        status: HTTP status code, 400 to 599.
        detail: The problem and its remedy, for a person.
        kind: Kebab-case name of the problem's type; empty means about:blank.
        title: The same for every problem of this type; empty means the status' phrase.
        instance: The path of the request.
        headers: Further headers of the answer.
        members: Further members of the problem, facts for a program.
    """
    body = {
        "type": f"urn:davy:problem:{kind}" if kind else "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"instance": instance} if instance else {}),
        **members,
    }
    return JSONResponse(body, status, dict(headers or {}), media_type=PROBLEM_TYPE)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe these statuses as problems, for FastAPI's `responses=`."""
    schema = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {name: {"type": "string"} for name in ("type", "title", "detail", "instance")}
        | {"status": {"type": "integer"}},
    }
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {PROBLEM_TYPE: {"schema": schema}}} for status in statuses
    }


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of this app as a problem, and HEAD as GET. Call once, before the app is served."""
    app.add_exception_handler(DavyError, _on_davy_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_middleware(_LastResort)
    app.add_middleware(HeadRequests)


def problem_of(error: DavyError, instance: str = "") -> JSONResponse:
    """Answer an error of Davy's: its class gives type and title, its text the detail."""
    status = status_of(error).http
    words = re.findall(r"[A-Z][a-z0-9]*", type(error).__name__.removesuffix("Error"))
    headers = {"Retry-After": "1"} if isinstance(error, UnavailableError) else None
    return problem(
        status,
        str(error),
        kind="-".join(words).lower(),
        title=" ".join(words).capitalize(),
        instance=instance,
        headers=headers,
    )


async def _on_davy_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DavyError)
    if status_of(error).http >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request_failed", method=request.method, path=request.url.path, reason=str(error))
    return problem_of(error, request.url.path)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail
    if detail == phrase and error.status_code == HTTPStatus.NOT_FOUND:
        detail = nothing_at(request.url.path)
    elif detail == phrase and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = other_method(request.url.path, request.method, (error.headers or {}).get("Allow", "another method"))
    if error.status_code < HTTPStatus.BAD_REQUEST:  # 304 and the like have no body
        return Response(status_code=error.status_code, headers=error.headers)
    return problem(error.status_code, detail, instance=request.url.path, headers=error.headers)


def nothing_at(path: str) -> str:
    """The detail of a 404."""
    return f"nothing is at {path}"


def other_method(path: str, method: str, allowed: str) -> str:
    """The detail of a 405."""
    return f"{path} does not take {method}: use {allowed}"


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    invalid = [
        {"in": str(each["loc"][0]), "pointer": _pointer(each["loc"][1:]), "detail": each["msg"]} for each in error.errors()
    ]
    detail = "; ".join(f"{each['in']} {each['pointer'].removeprefix('#/')}: {each['detail']}" for each in invalid)
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        detail,
        kind="invalid-request",
        title="Invalid request",
        instance=request.url.path,
        errors=invalid,
    )


def _pointer(parts: Sequence[str | int]) -> str:
    """A JSON pointer as a URI fragment (RFC 6901, section 6)."""
    return "#/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in parts)


class _LastResort:
    """Answer an unexpected error with status 500 and an id that the log repeats, without details of the error."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, note_start)
        except ClientDisconnect:
            return  # the client has disconnected
        except Exception:
            problem_id = uuid.uuid4().hex
            log.exception("unexpected_error", problem_id=problem_id, method=scope["method"], path=scope["path"])
            if started:
                raise  # the response has begun: the server breaks the connection, so that the client detects the failure
            detail = f"an unexpected error; the log of this service describes it under {problem_id}"
            await problem(500, detail, instance=scope["path"], id=problem_id)(scope, receive, send)
