"""Calls of operator commands to the aggregator."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from davy.adapters.grpc.operator_client import OperatorClient
from davy.adapters.tls import Tls, TlsSettings

Client = TypeVar("Client", bound=OperatorClient)
Answer = TypeVar("Answer")


def ask(kind: type[Client], aggregator: str, call: Callable[[Client], Awaitable[Answer]]) -> Answer:
    """Connect a client with the identity of the environment, call it, and return its answer."""

    async def run() -> Answer:
        async with kind.connect(aggregator, Tls.of(TlsSettings())) as client:
            return await call(client)

    return asyncio.run(run())
