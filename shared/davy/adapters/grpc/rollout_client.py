"""Operator client of davy.v1.RolloutService."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import grpc

from davy.adapters.grpc.operator_client import OperatorClient
from davy.domain.secret_url import SecretUrl
from davy.v1 import model_pb2, model_pb2_grpc


class RolloutClient(OperatorClient):
    """Start, watch and end rollouts."""

    def __init__(self, channel: grpc.aio.Channel, endpoint: SecretUrl | str) -> None:
        super().__init__(channel, endpoint)
        self._stub = model_pb2_grpc.RolloutServiceStub(channel)

    async def create(self, request: model_pb2.CreateRolloutRequest) -> model_pb2.Rollout:
        return (await self._ask(self._stub.CreateRollout, request)).rollout

    async def confirm(self, rollout: str) -> model_pb2.Rollout:
        return (await self._ask(self._stub.ConfirmRollout, model_pb2.ConfirmRolloutRequest(id=rollout))).rollout

    async def all(self) -> list[model_pb2.Rollout]:
        """List rollouts, newest first."""
        return list((await self._ask(self._stub.ListRollouts, model_pb2.ListRolloutsRequest())).rollouts)

    async def get(self, rollout: str) -> model_pb2.Rollout:
        return (await self._ask(self._stub.GetRollout, model_pb2.GetRolloutRequest(id=rollout))).rollout

    async def pause(self, rollout: str) -> model_pb2.Rollout:
        return (await self._ask(self._stub.PauseRollout, model_pb2.PauseRolloutRequest(id=rollout))).rollout

    async def resume(self, rollout: str) -> model_pb2.Rollout:
        return (await self._ask(self._stub.ResumeRollout, model_pb2.ResumeRolloutRequest(id=rollout))).rollout

    async def abort(self, rollout: str) -> model_pb2.Rollout:
        return (await self._ask(self._stub.AbortRollout, model_pb2.AbortRolloutRequest(id=rollout))).rollout

    async def watch(self, rollout: str) -> AsyncGenerator[model_pb2.Rollout, None]:
        """Watch the rollout: its current state and every change until its end."""
        async with aclosing(self._follow(self._stub.WatchRollout, model_pb2.WatchRolloutRequest(id=rollout))) as answers:
            async for found in answers:
                yield found.rollout
