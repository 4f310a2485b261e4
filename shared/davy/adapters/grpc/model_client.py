"""Edge client of davy.v1.ModelService: downloads a package in chunks and resumes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import grpc

from davy.adapters.grpc.channels import own_metadata
from davy.adapters.grpc.route import Route, RoutedChannels
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorUnavailableError, UnknownModelError
from davy.domain.secret_url import SecretUrl
from davy.twin.model import Target
from davy.v1 import model_pb2, model_pb2_grpc

CHUNK_TIMEOUT_S = 20.0
_NEVER = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)


class ModelClient:
    """Download packages from one aggregator."""

    def __init__(self, channels: RoutedChannels) -> None:
        self._channels = channels

    @property
    def endpoint(self) -> str:
        """The aggregator in use."""
        return self._channels.endpoint

    async def chunks(self, target: Target, offset: int) -> AsyncGenerator[bytes, None]:
        """Stream the package's bytes from offset on, in order.

        Raises:
            AggregatorUnavailableError: the connection broke, or nothing came for 20 s; begin again where it ended.
            UnknownModelError: the registry does not have this package.
        """
        request = model_pb2.DownloadModelRequest(id=target.model, offset=offset, sha256=target.sha256)
        call = model_pb2_grpc.ModelServiceStub(await self._channels.get()).DownloadModel(request, metadata=own_metadata())
        try:
            while True:
                async with asyncio.timeout(CHUNK_TIMEOUT_S):
                    chunk = await call.read()
                if not isinstance(chunk, model_pb2.DownloadModelResponse):  # the end of the stream
                    break
                if chunk.offset != offset:
                    raise AggregatorUnavailableError(self.endpoint, f"it sent offset {chunk.offset}, {offset} was due")
                offset += len(chunk.data)
                yield chunk.data
        except grpc.aio.AioRpcError as error:
            if error.code() in _NEVER:
                raise UnknownModelError(target.model[:12], error.details() or error.code().name) from error
            raise AggregatorUnavailableError(self.endpoint, f"{error.code().name}: {error.details()}") from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling() or not call.cancelled():
                raise
            raise AggregatorUnavailableError(self.endpoint, "the connection was closed") from error
        except TimeoutError as error:
            raise AggregatorUnavailableError(self.endpoint, f"nothing came for {CHUNK_TIMEOUT_S:g} s") from error
        finally:
            call.cancel()


@asynccontextmanager
async def connect(route: Route | SecretUrl | str, tls: Tls | None = None) -> AsyncIterator[ModelClient]:
    """A client of the aggregator at grpc://host[:50051] or grpcs://host; it reconnects by itself.

    Args:
        route: The way to one of several aggregators, or the address of the only one.
        tls: The own identity for grpcs.

    Raises:
        ConfigError: an address is no such one.
    """
    channels = RoutedChannels(route, tls)
    try:
        yield ModelClient(channels)
    finally:
        await channels.close()
