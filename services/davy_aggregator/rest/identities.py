"""Identities over REST: enrolment by token, renewal by certificate, the authority and its list of revocations."""

import asyncio
from collections.abc import Callable
from typing import Any

from cryptography import x509
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from davy.adapters.http.peers import client_certificate
from davy.adapters.http.problems import problem_responses
from davy.domain.errors import ConflictError, IdentityRefusedError
from davy.identity import Authority, Identity, Token, enroll
from davy.telemetry import get_logger
from davy_aggregator.context import ServiceContext

log = get_logger(__name__)

PEM_TYPE = "application/x-pem-file"
_PEM: dict[int | str, dict[str, Any]] = {200: {"content": {PEM_TYPE: {}}}}
MAX_REQUEST = 8192  # characters of a certificate signing request; one on P-256 has 400


class Enrolment(BaseModel):
    """A one-time token and the request of the machine that has it."""

    token: str = Field(max_length=200, description="As davy identity token prints it.", repr=False)
    request: str = Field(
        max_length=MAX_REQUEST, description="Certificate signing request (PKCS 10), PEM; its names are ignored."
    )


class Renewal(BaseModel):
    """A request for the identity in the caller's certificate."""

    request: str = Field(
        max_length=MAX_REQUEST, description="Certificate signing request (PKCS 10), PEM; its names are ignored."
    )


class Certified(BaseModel):
    """A certificate and what its owner needs beside it, PEM."""

    certificate: str
    authority: str = Field(description="The site's authority.")
    revoked: str = Field(description="The list of revoked certificates.")


def identity_routes(context: ServiceContext) -> APIRouter:
    """Route /v1/identities."""
    routes = APIRouter(prefix="/v1/identities", tags=["identities"], responses=problem_responses(401, 409))

    async def with_authority(call: Callable[[Authority], Certified]) -> Certified:
        return await asyncio.to_thread(lambda: call(_open(context)))

    @routes.get("/ca", summary="Get the certificate of the site's authority", response_class=Response, responses=_PEM)
    async def authority() -> Response:
        return Response(await asyncio.to_thread(lambda: _open(context).ca), media_type=PEM_TYPE)

    @routes.get("/crl", summary="Get the list of revoked certificates", response_class=Response, responses=_PEM)
    async def revocations() -> Response:
        return Response(await asyncio.to_thread(lambda: _open(context).crl), media_type=PEM_TYPE)

    @routes.post("/enroll", summary="Certify a key for the identity of a one-time token")
    async def enroll_machine(request: Request, body: Enrolment) -> Certified:
        if request.url.scheme != "https":
            raise ConflictError("a token goes over TLS only: set DAVY_TLS_FOLDER of the aggregator and use https://")

        def certify(found: Authority) -> Certified:
            return _answer(found, enroll(found, Token.parse(body.token), body.request.encode()), "enrolled")

        return await with_authority(certify)

    @routes.post("/renew", summary="Certify a new key for the identity in the caller's certificate")
    async def renew(request: Request, body: Renewal) -> Certified:
        certificate = client_certificate(request.scope)
        if certificate is None:
            raise IdentityRefusedError("the caller", "it shows no certificate of this site")
        return await with_authority(lambda found: _answer(found, found.renew(body.request.encode(), certificate), "renewed"))

    return routes


def _open(context: ServiceContext) -> Authority:
    """Open the authority.

    Raises:
        ConflictError: this aggregator has none.
    """
    folder = context.settings.authority
    if folder is None:
        raise ConflictError(
            "this aggregator has no authority: set DAVY_AGGREGATOR_AUTHORITY to the folder of `davy identity init`"
        )
    return Authority.open(folder)


def _answer(authority: Authority, certificate: bytes, how: str) -> Certified:
    made = x509.load_pem_x509_certificate(certificate)
    expires = f"{made.not_valid_after_utc:%F %T}"
    log.info(f"identity.{how}", identity=str(Identity.of_certificate(made)), serial=f"{made.serial_number:x}", expires=expires)
    return Certified(certificate=certificate.decode(), authority=authority.ca.decode(), revoked=authority.crl.decode())
