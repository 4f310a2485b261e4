"""What clients of operators share: a connection that reads the list of revocations, and errors in the aggregator's words."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Self, TypeVar

import grpc

from davy.adapters.grpc.channels import Channels, own_metadata
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorUnavailableError, ConflictError, DavyError, InvalidInputError
from davy.domain.secret_url import SecretUrl

ANSWER_S = 20.0

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class OperatorClient:
    """Base of the client of one service.

    Every method raises AggregatorUnavailableError where there is none, InvalidInputError and ConflictError in its words.
    """

    def __init__(self, channel: grpc.aio.Channel, endpoint: SecretUrl | str) -> None:  # noqa: ARG002  # of each service's stub
        self._endpoint = str(SecretUrl.of(endpoint))

    @classmethod
    @asynccontextmanager
    async def connect(cls, endpoint: SecretUrl | str, tls: Tls | None = None) -> AsyncIterator[Self]:
        """A client of the aggregator at grpc://host[:50051] or grpcs://host.

        Args:
            endpoint: The aggregator's address.
            tls: The own identity for grpcs.

        Raises:
            ConfigError: endpoint is no such address.
            AggregatorUnavailableError: its certificate is refused, or cannot be looked at.
        """
        channels = Channels(endpoint, tls)
        try:
            yield cls(await channels.get(), endpoint)
        finally:
            await channels.close()

    async def _ask(self, method: grpc.aio.UnaryUnaryMultiCallable[Request, Answer], request: Request) -> Answer:
        try:
            return await method(request, timeout=ANSWER_S, metadata=own_metadata())
        except grpc.aio.AioRpcError as error:
            raise self._translate(error) from error

    async def _follow(
        self, method: grpc.aio.UnaryStreamMultiCallable[Request, Answer], request: Request
    ) -> AsyncGenerator[Answer, None]:
        call = method(request, metadata=own_metadata())
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as error:
            raise self._translate(error) from error
        finally:
            call.cancel()

    def _translate(self, error: grpc.aio.AioRpcError) -> DavyError:
        text = error.details() or error.code().name
        match error.code():
            case grpc.StatusCode.NOT_FOUND | grpc.StatusCode.INVALID_ARGUMENT:
                return InvalidInputError(text)
            case grpc.StatusCode.FAILED_PRECONDITION:
                return ConflictError(text)
            case _:
                return AggregatorUnavailableError(self._endpoint, text)
