"""Makes the journal's entries of HTTP requests and gRPC calls."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message as ProtobufMessage
from starlette.requests import HTTPConnection
from starlette.types import Message, Send

from davy.access.journal import MAX_TEXT, Journal, JournalEntry, Notes, hide_text, shown_target, state_text, taking_notes
from davy.access.principal import ANONYMOUS, Principal
from davy.access.request_id import current
from davy.adapters.http.trusted_proxy import proxy_of

UNANSWERED = "unanswered"  # the caller was gone, or the service ended, before the answer


@dataclass(frozen=True, slots=True)
class Call:
    """A call before its answer.

    Attributes:
        operation: As the table of permissions writes it.
        target: The path and query as asked, or the request as JSON.
        address: Network address of the caller; "CLIENT via PROXY" behind a trusted proxy.
    """

    operation: str
    target: str
    address: str

    def entry(self, principal: Principal | None, answer: str, notes: Notes | None = None) -> JournalEntry:
        """The entry of its answer."""
        notes = notes or Notes()
        who = notes.principal or principal or ANONYMOUS
        return JournalEntry(
            at_ns=time.time_ns(),
            who=who.name,
            role=str(who.role or "owner"),
            via=who.via,
            address=self.address,
            operation=hide_text(self.operation)[:MAX_TEXT],
            target=self.target[:MAX_TEXT],
            before=notes.before,
            after=notes.after,
            answer=answer,
            request_id=current(),
        )


def http_call(operation: str, connection: HTTPConnection) -> Call:
    """The call that an HTTP request or a WebSocket makes."""
    query = connection.scope.get("query_string", b"").decode("latin-1")
    proxy, client = proxy_of(connection), client_of(connection)
    address = f"{client} via {proxy}" if proxy else client
    return Call(operation, shown_target(connection.scope["path"], query), address)


def client_of(connection: HTTPConnection) -> str:
    """The network address of a request's client; empty if it is unknown."""
    return connection.client.host if connection.client else ""


def grpc_call(method: str, request: object, peer: str) -> Call:
    """The call of a gRPC method. The requests of a stream are not shown."""
    shown = MessageToDict(request) if isinstance(request, ProtobufMessage) else None
    return Call(method, state_text(shown), host_of(peer))


async def record_answer(
    journal: Journal, call: Call, principal: Principal, serve: Callable[[Send], Awaitable[None]], send: Send
) -> None:
    """Serve an HTTP request; its entry is durable before the caller sees the answer."""
    answered = False

    async def record_first(message: Message) -> None:
        nonlocal answered
        if message["type"] == "http.response.start" and not answered:
            answered = True
            await journal.record(call.entry(principal, str(message["status"]), notes))
        await send(message)

    with taking_notes() as notes:
        try:
            await serve(record_first)
        finally:
            if not answered:
                journal.record(call.entry(principal, UNANSWERED, notes))


def host_of(peer: str) -> str:
    """The address in gRPC's name of a peer, such as ipv4:10.0.0.7:52144 or ipv6:%5B::1%5D:52144."""
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else peer
