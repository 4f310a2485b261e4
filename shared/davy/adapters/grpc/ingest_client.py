"""Edge client of davy.v1.IngestService and SampleService: calls, limits, and gRPC errors as Davy errors."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import urlsplit

import grpc

from davy.access.own_token import authorization
from davy.adapters.grpc.envelope import to_push_request
from davy.domain.errors import AggregatorUnavailableError, ConfigError
from davy.domain.frame import EncodedFrame
from davy.domain.urls import escape_login, redact
from davy.v1 import ingest_pb2, ingest_pb2_grpc, sample_pb2, sample_pb2_grpc

MAX_MESSAGE_BYTES = 4_000_000
KEEPALIVE_S = 10.0
WRITE_TIMEOUT_S = 5.0
DEFAULT_PORT = 50051

_OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", int(KEEPALIVE_S * 1000)),
    ("grpc.keepalive_timeout_ms", int(KEEPALIVE_S * 500)),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.use_local_subchannel_pool", 1),  # the planes of one process share no connection by accident
)

PushStream: TypeAlias = "Stream[EncodedFrame, ingest_pb2.PushFramesResponse]"  # the live plane

_PUSH = f"/{ingest_pb2.DESCRIPTOR.services_by_name['IngestService'].full_name}/PushFrames"  # its frames come as bytes

Sent = TypeVar("Sent")
Answer = TypeVar("Answer")


class Stream(Generic[Sent, Answer]):
    """A stream of messages out and of answers back; `wrap` makes a request of a message."""

    def __init__(self, call: Any, endpoint: str, wrap: Callable[[Sent], object]) -> None:  # noqa: ANN401  # no common type
        self._call, self._endpoint, self._wrap = call, endpoint, wrap

    async def send(self, message: Sent) -> None:
        """Send a message on the connection; it waits for flow control.

        Raises:
            AggregatorUnavailableError: the stream broke, or nothing was taken for 5 s.
        """
        with self._translated():
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._call.write(self._wrap(message))

    async def answer(self, timeout_s: float | None = None) -> Answer:
        """Receive the next answer.

        Raises:
            AggregatorUnavailableError: the stream broke or ended, or there was none within timeout_s.
        """
        with self._translated():
            async with asyncio.timeout(timeout_s):
                found = await self._call.read()
        if found is grpc.aio.EOF:
            with self._translated():
                raise AggregatorUnavailableError(self._endpoint, await self._call.details() or "it ended the stream")
        answer: Answer = found
        return answer

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            raise AggregatorUnavailableError(self._endpoint, f"{error.code().name}: {error.details()}") from error
        except (asyncio.InvalidStateError, grpc.aio.UsageError) as error:  # written to after it had ended
            raise AggregatorUnavailableError(self._endpoint, "the stream has ended") from error
        except TimeoutError as error:
            raise AggregatorUnavailableError(self._endpoint, "it answers nothing") from error


class IngestClient:
    """One connection to an aggregator; gRPC keeps it open and reconnects."""

    def __init__(self, channel: grpc.aio.Channel, endpoint: str) -> None:
        self._stub = ingest_pb2_grpc.IngestServiceStub(channel)
        self._push: grpc.aio.StreamStreamMultiCallable[bytes, ingest_pb2.PushFramesResponse]
        self._push = channel.stream_stream(_PUSH, response_deserializer=ingest_pb2.PushFramesResponse.FromString)
        self._samples = sample_pb2_grpc.SampleServiceStub(channel)
        self.endpoint = redact(endpoint)
        self._metadata = own_metadata()

    @asynccontextmanager
    async def push(self) -> AsyncIterator[PushStream]:
        """The live plane: frames out, credits back."""
        async with _cancelling(self._push(metadata=self._metadata)) as call:
            yield Stream(call, self.endpoint, to_push_request)

    @asynccontextmanager
    async def report(self) -> AsyncIterator[Stream[ingest_pb2.Event, ingest_pb2.ReportEventsResponse]]:
        """The record plane: events out, acknowledgements back."""
        async with _cancelling(self._stub.ReportEvents(metadata=self._metadata)) as call:
            yield Stream(call, self.endpoint, lambda event: ingest_pb2.ReportEventsRequest(event=event))

    @asynccontextmanager
    async def samples(self) -> AsyncIterator[Stream[sample_pb2.Sample, sample_pb2.PushSamplesResponse]]:
        """Training samples out, acknowledgements back."""
        async with _cancelling(self._samples.PushSamples(metadata=self._metadata)) as call:
            yield Stream(call, self.endpoint, lambda sample: sample_pb2.PushSamplesRequest(sample=sample))


@asynccontextmanager
async def _cancelling(call: Any) -> AsyncIterator[Any]:  # noqa: ANN401  # as above
    try:
        yield call
    finally:
        call.cancel()


@asynccontextmanager
async def connect(endpoint: str) -> AsyncIterator[IngestClient]:
    """A client of the aggregator at grpc://host[:50051] or grpcs://host; it reconnects by itself.

    Raises:
        ConfigError: endpoint is no such address.
    """
    async with open_channel(endpoint) as channel:
        yield IngestClient(channel, redact(endpoint))


def own_metadata() -> tuple[tuple[str, str], ...]:
    """Metadata of a call by which this process names itself; empty without a token.

    Raises:
        ConfigError: The token's file cannot be read.
    """
    return tuple(authorization().items())


def open_channel(endpoint: str) -> grpc.aio.Channel:
    """A separate connection to the aggregator, opened on demand.

    Raises:
        ConfigError: endpoint is no such address.
    """
    try:
        parts = urlsplit(escape_login(endpoint))
        target = f"{parts.hostname}:{parts.port or DEFAULT_PORT}"
    except ValueError as error:
        raise ConfigError(f"{redact(endpoint)} is no address of an aggregator: {error}") from error
    if parts.scheme not in ("grpc", "grpcs") or not parts.hostname:
        raise ConfigError(f"{redact(endpoint)} is no address of an aggregator: write grpc://host:50051 or grpcs://host:50051")
    if parts.scheme == "grpcs":
        return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=_OPTIONS)
    return grpc.aio.insecure_channel(target, options=_OPTIONS)
