"""A gRPC server in the caller's event loop: explicit limits, health, reflection, errors as status codes."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

import asyncio
from collections.abc import Callable, Sequence

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from davy.adapters.addresses import listen, target
from davy.adapters.grpc.interceptor import ErrorInterceptor
from davy.adapters.grpc.threads import require_threads
from davy.adapters.grpc.tls import PeerInterceptor, server_credentials
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AddressUnavailableError
from davy.telemetry import get_logger

log = get_logger(__name__)

MAX_MESSAGE_BYTES = 4_000_000  # a frame is two JPEGs of at most 900,000 bytes each, and its metadata
MAX_CONCURRENT_RPCS = 2048  # 200 edges hold two streams each; one costs some 50 kB
KEEPALIVE_S = 10.0
STOP_GRACE_S = 2.0

RegisterServices = Callable[[grpc.aio.Server], Sequence[str]]
"""Adds servicers to the server; returns their full names ("davy.v1.IngestService") for health and reflection."""


async def serve_grpc(
    host: str,
    port: int,
    register: RegisterServices,
    ready: Callable[[int], None] | None = None,
    *,
    interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    tls: Tls | None = None,
) -> None:
    """Serve until cancelled, then refuse new calls and give running ones STOP_GRACE_S to end.

    Args:
        host: The address to listen on.
        port: 0 takes a free one.
        register: Adds the services. Servicer methods are coroutines (one answer) or async generators (a stream); a
            DavyError that leaves them reaches the client as a status code with the error's text.
        ready: Called with the real port once calls are answered.
        interceptors: In front of every method, such as access control.
        max_message_bytes: Of one message in either direction; a larger one ends its call with RESOURCE_EXHAUSTED.
        tls: The own identity; None serves without encryption. Peers with a revoked or expired certificate are refused.

    Raises:
        AddressUnavailableError: the port is taken, or the address is not this machine's.
        RuntimeError: this process may start no further thread.
    """
    listen(host, port).close()  # its refusal has a reason; gRPC's own writes to stderr and has none
    require_threads()
    server = grpc.aio.server(
        interceptors=(*([PeerInterceptor(tls)] if tls is not None else []), *interceptors, ErrorInterceptor()),
        options=_options(max_message_bytes),
        maximum_concurrent_rpcs=MAX_CONCURRENT_RPCS,
    )
    names = list(register(server))
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    try:
        bound = _bind(server, host, port, tls)
        await server.start()
        for name in names:
            await health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
        log.info("grpc.listening", host=host, port=bound, services=names, tls=tls is not None)
        if ready is not None:
            ready(bound)
        await server.wait_for_termination()
    finally:
        await asyncio.shield(_stop(server, health_servicer))


def _bind(server: grpc.aio.Server, host: str, port: int, tls: Tls | None) -> int:
    try:
        if tls is not None:
            return server.add_secure_port(target(host, port), server_credentials(tls))
        return server.add_insecure_port(target(host, port))
    except RuntimeError as error:
        raise AddressUnavailableError(target(host, port), "somebody has just taken the port") from error


async def _stop(server: grpc.aio.Server, health_servicer: health.aio.HealthServicer) -> None:
    await health_servicer.enter_graceful_shutdown()
    await server.stop(STOP_GRACE_S)


def _options(max_message_bytes: int) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_metadata_size", 16_384),
        ("grpc.so_reuseport", 0),  # without it a second server takes half of the calls instead of failing
        ("grpc.keepalive_time_ms", int(KEEPALIVE_S * 1000)),
        ("grpc.keepalive_timeout_ms", int(KEEPALIVE_S * 500)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", int(KEEPALIVE_S * 100)),
        ("grpc.http2.max_ping_strikes", 0),  # pings that a busy link delivers in a bunch end no stream
    ]
