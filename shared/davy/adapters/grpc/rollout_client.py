"""Operator client of davy.v1.RolloutService."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc

from davy.adapters.grpc.channels import Channels, own_metadata
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorUnavailableError, ConflictError, DavyError, InvalidInputError
from davy.domain.secret_url import SecretUrl
from davy.v1 import model_pb2, model_pb2_grpc

ANSWER_S = 20.0

Answer = TypeVar("Answer")


class RolloutClient:
    """Start, watch and end rollouts.

    Every method raises AggregatorUnavailableError where there is none, InvalidInputError and ConflictError in its words.
    """

    def __init__(self, channel: grpc.aio.Channel, endpoint: SecretUrl | str) -> None:
        self._stub, self._endpoint = model_pb2_grpc.RolloutServiceStub(channel), str(SecretUrl.of(endpoint))

    async def create(self, request: model_pb2.CreateRolloutRequest) -> model_pb2.Rollout:
        return (await self._ask(self._stub.CreateRollout(request, timeout=ANSWER_S, metadata=own_metadata()))).rollout

    async def confirm(self, rollout: str) -> model_pb2.Rollout:
        request = model_pb2.ConfirmRolloutRequest(id=rollout)
        return (await self._ask(self._stub.ConfirmRollout(request, timeout=ANSWER_S, metadata=own_metadata()))).rollout

    async def all(self) -> list[model_pb2.Rollout]:
        """List rollouts, newest first."""
        answer = await self._ask(
            self._stub.ListRollouts(model_pb2.ListRolloutsRequest(), timeout=ANSWER_S, metadata=own_metadata())
        )
        return list(answer.rollouts)

    async def get(self, rollout: str) -> model_pb2.Rollout:
        request = model_pb2.GetRolloutRequest(id=rollout)
        return (await self._ask(self._stub.GetRollout(request, timeout=ANSWER_S, metadata=own_metadata()))).rollout

    async def pause(self, rollout: str) -> model_pb2.Rollout:
        request = model_pb2.PauseRolloutRequest(id=rollout)
        return (await self._ask(self._stub.PauseRollout(request, timeout=ANSWER_S, metadata=own_metadata()))).rollout

    async def resume(self, rollout: str) -> model_pb2.Rollout:
        request = model_pb2.ResumeRolloutRequest(id=rollout)
        return (await self._ask(self._stub.ResumeRollout(request, timeout=ANSWER_S, metadata=own_metadata()))).rollout

    async def abort(self, rollout: str) -> model_pb2.Rollout:
        request = model_pb2.AbortRolloutRequest(id=rollout)
        return (await self._ask(self._stub.AbortRollout(request, timeout=ANSWER_S, metadata=own_metadata()))).rollout

    async def watch(self, rollout: str) -> AsyncGenerator[model_pb2.Rollout, None]:
        """Watch the rollout: its current state and every change until its end."""
        call = self._stub.WatchRollout(model_pb2.WatchRolloutRequest(id=rollout), metadata=own_metadata())
        try:
            async for found in call:
                yield found.rollout
        except grpc.aio.AioRpcError as error:
            raise self._translate(error) from error
        finally:
            call.cancel()

    async def _ask(self, call: Awaitable[Answer]) -> Answer:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise self._translate(error) from error

    def _translate(self, error: grpc.aio.AioRpcError) -> DavyError:
        text = error.details() or error.code().name
        match error.code():
            case grpc.StatusCode.NOT_FOUND | grpc.StatusCode.INVALID_ARGUMENT:
                return InvalidInputError(text)
            case grpc.StatusCode.FAILED_PRECONDITION:
                return ConflictError(text)
            case _:
                return AggregatorUnavailableError(self._endpoint, text)


@asynccontextmanager
async def connect(endpoint: SecretUrl | str, tls: Tls | None = None) -> AsyncIterator[RolloutClient]:
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
        yield RolloutClient(await channels.get(), endpoint)
    finally:
        await channels.close()
