"""/metrics and /healthz on a small port of their own, for programs that serve no HTTP otherwise."""

import json
import socket
import socketserver
import threading
import wsgiref.simple_server
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from prometheus_client import CollectorRegistry, make_wsgi_app

from davy.adapters.addresses import unavailable

Health = Callable[[], Mapping[str, Any]]

MAX_CONNECTIONS = 16  # each takes a thread
MAX_REQUEST_S = 10.0  # for a request and its answer, however its bytes arrive


class _Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  # of the base class
        super().__init__(*args, **options)
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as in the base class
        """Start the thread of a connection, or close the connection where too many are open."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as in the base class
        """Serve a connection for a bounded time."""
        end = threading.Timer(MAX_REQUEST_S, _cut, [request])
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave a broken connection alone: the base class prints a traceback for each."""


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Quiet(wsgiref.simple_server.WSGIRequestHandler):
    timeout = 5.0  # a client that sends nothing holds its thread no longer

    def log_message(self, *args: object) -> None:  # noqa: ARG002  # a scrape every few seconds is no news
        return


@contextmanager
def serve_telemetry(host: str, port: int, registry: CollectorRegistry, health: Health) -> Iterator[int]:
    """Serve from a thread while the context lasts; yields the port.

    Args:
        port: 0 takes a free one.
        health: What /healthz shows, as JSON; it is answered with 200 as long as the process lives.

    Raises:
        AddressUnavailableError: the port is taken, or the address is not this machine's.
    """
    metrics = make_wsgi_app(registry)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        match environ.get("PATH_INFO"):
            case "/metrics":
                body: Iterable[bytes] = metrics(environ, start_response)
                return body
            case "/healthz":
                start_response("200 OK", [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
                return [json.dumps(health()).encode()]
            case _:
                start_response("404 Not Found", [("Content-Type", "text/plain")])
                return [b"here are /metrics and /healthz\n"]

    try:
        server = wsgiref.simple_server.make_server(host, port, app, _Server, _Quiet)
    except OSError as error:
        raise unavailable(host, port, error) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.2,), name="telemetry", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2.0)
