"""Credentials of gRPC servers and channels, and the identity of the peer of a call."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, TypeAlias, TypeVar

import grpc

from davy.adapters.grpc.handlers import rewrapped
from davy.adapters.tls.identity_files import Tls, parse_certificate
from davy.domain.errors import DavyError, InvalidIdentityError
from davy.identity.name import Identity

Message = TypeVar("Message")
Request = TypeVar("Request")
Answer = TypeVar("Answer")
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"  # the class is generic in its stub only

CERTIFICATE = "x509_pem_cert"  # of the peer, in gRPC's authentication context
CHECK_EVERY_S = 1.0


def server_credentials(tls: Tls) -> grpc.ServerCredentials:
    """Credentials that take changed files at the next handshake; the handshake verifies the caller's certificate."""
    served = tls.version

    def configuration() -> grpc.ServerCertificateConfiguration:
        now = tls.credentials
        return grpc.ssl_server_certificate_configuration([(now.key, now.cert)], root_certificates=now.ca)

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal served
        version = tls.look(0)
        if version == served:
            return None
        served = version
        return configuration()

    fetch: Any = changed  # its stub knows no None, which keeps the previous configuration
    return grpc.dynamic_ssl_server_credentials(configuration(), fetch, tls.settings.require_client_certificate)


def channel_credentials(tls: Tls | None, trusted: bytes = b"") -> grpc.ChannelCredentials:
    """Credentials of this moment; without an identity the system's authorities are trusted.

    Args:
        tls: The own identity.
        trusted: Certificates of servers, PEM, that are trusted in place of the site's authority; empty trusts the authority.
    """
    if tls is None:
        return grpc.ssl_channel_credentials()
    tls.look(0)
    now = tls.credentials
    return grpc.ssl_channel_credentials(trusted or now.ca, private_key=now.key, certificate_chain=now.cert)


def peer(context: Context) -> Identity | None:
    """The identity in the certificate of a call's peer; None for a call without a certificate.

    Raises:
        InvalidIdentityError: the certificate carries no identity.
    """
    pem = _certificate(context)
    return Identity.of_certificate(parse_certificate(pem)) if pem else None


def peer_uri(context: Context) -> str:
    """The URI of the peer's identity; empty for a call without a certificate, or with one that carries no identity."""
    try:
        return str(peer(context) or "")
    except InvalidIdentityError:
        return ""


class PeerInterceptor(grpc.aio.ServerInterceptor):
    """Refuses peers whose certificate is revoked, has expired or carries no identity: at the start of a call, and during it."""

    def __init__(self, tls: Tls) -> None:
        self._tls = tls

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Request, Answer] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Request, Answer] | None:
        """Return the method's handler, wrapped."""
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            return None
        unary = partial(self._wrap_unary, request_streaming=handler.request_streaming)
        stream = partial(self._wrap_stream, request_streaming=handler.request_streaming)
        return rewrapped(handler, unary, stream)  # type: ignore[no-any-return]

    def _wrap_unary(
        self, method: Callable[[Any, Context], Awaitable[Answer]], request_streaming: bool
    ) -> Callable[[Any, Context], Awaitable[Answer]]:
        async def call(request: Any, context: Context) -> Answer:  # noqa: ANN401  # a message or an iterator of them
            check = _PeerCheck(self._tls, context)
            await check.now()
            return await method(check.each(request) if request_streaming else request, context)

        return call

    def _wrap_stream(
        self, method: Callable[[Any, Context], AsyncGenerator[Answer, None] | Awaitable[None]], request_streaming: bool
    ) -> Callable[[Any, Context], AsyncGenerator[Answer, None]]:
        async def call(request: Any, context: Context) -> AsyncGenerator[Answer, None]:  # noqa: ANN401  # as above
            check = _PeerCheck(self._tls, context)
            await check.now()
            found = method(check.each(request) if request_streaming else request, context)
            if isinstance(found, Awaitable):  # a method that writes by itself, such as health's Watch
                await found
                return
            async with aclosing(found) as answers:
                async for answer in answers:
                    await check.now()
                    yield answer

        return call


class _PeerCheck:
    """Checks the peer of one call once a second, however many messages it has."""

    def __init__(self, tls: Tls, context: Context) -> None:
        self._tls, self._context = tls, context
        self._pem = _certificate(context)
        self._checked_s = float("-inf")

    async def now(self) -> None:
        """End the call with UNAUTHENTICATED if its peer is refused."""
        if not self._pem or time.monotonic() - self._checked_s < CHECK_EVERY_S:
            return
        self._checked_s = time.monotonic()
        try:
            self._tls.check(parse_certificate(self._pem))
        except DavyError as error:
            self._tls.refuse(error, peer=self._context.peer())
            await self._context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))

    async def each(self, messages: AsyncIterator[Message]) -> AsyncGenerator[Message, None]:
        """Pass messages on as long as their sender is not refused."""
        async for message in messages:
            await self.now()
            yield message


def _certificate(context: Context) -> bytes:
    return next(iter(context.auth_context().get(CERTIFICATE, ())), b"")
