import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import httpx
import pytest
import structlog
import websockets
from fastapi import FastAPI, Request, WebSocket
from tests.fixtures.identities import Identities, self_signed

from davy.adapters.http.peers import peer
from davy.adapters.http.problems import install_problem_handlers
from davy.adapters.http.server import serve_app
from davy.adapters.tls import client_context
from davy.identity import write_credentials

pytestmark = pytest.mark.system


def make_app():
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/me")
    async def me(request: Request):
        chain = request.scope["extensions"]["tls"]["client_cert_chain"]
        return {"me": str(peer(request.scope)), "certificates": len(chain)}

    @app.websocket("/me")
    async def me_by_websocket(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(str(peer(websocket.scope)))
        await websocket.close()

    return app


@asynccontextmanager
async def served(tls):
    port = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve_app(make_app(), "127.0.0.1", 0, port.set_result, websockets=True, tls=tls))
    try:
        yield f"https://localhost:{await port}"
    finally:
        server.cancel()
        with suppress(asyncio.CancelledError):
            await server


async def ask(url, context) -> str:
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        answer = await client.get(f"{url}/me")
        return answer.json()["me"] if answer.status_code == 200 else f"{answer.status_code} {answer.json()['detail']}"


async def test_a_request_carries_the_identity_of_its_client(identities):
    async with served(identities.tls("aggregator/main")) as url:
        assert await ask(url, client_context(identities.tls("edge/west"))) == "davy://demo/edge/west"


async def test_a_browser_without_a_certificate_is_served_and_has_no_identity(identities):
    async with served(identities.tls("aggregator/main")) as url:
        assert await ask(url, ssl.create_default_context(cadata=identities.authority.ca.decode())) == "None"


async def test_a_websocket_carries_the_identity_of_its_client(identities):
    async with served(identities.tls("aggregator/main")) as url:
        context = client_context(identities.tls("program/viewer"))
        async with websockets.connect(f"{url.replace('https', 'wss')}/me", ssl=context, proxy=None) as socket:
            assert await socket.recv() == "davy://demo/program/viewer"


async def refused(url, context):
    """Returns the events of the server's log that a refused client leaves."""
    with structlog.testing.capture_logs() as lines, pytest.raises(httpx.HTTPError):
        await ask(url, context)
    return [line["error"] for line in lines if line["event"] == "tls.refused"]


async def test_a_self_signed_client_is_refused_with_a_logged_reason(identities, tmp_path):
    made = self_signed(tmp_path / "openssl", "davy://demo/edge/west")
    context = ssl.create_default_context(cadata=identities.authority.ca.decode())
    context.load_cert_chain(tmp_path / "openssl" / "cert.pem", tmp_path / "openssl" / "key.pem")
    assert made.identity.name == "west"
    async with served(identities.tls("aggregator/main")) as url:
        (reason,) = await refused(url, context)
    assert "self-signed" in reason or "self signed" in reason


async def test_a_client_of_a_foreign_authority_is_refused_with_a_logged_reason(identities, tmp_path):
    foreign = Identities.make(tmp_path / "foreign")
    foreign.write("edge/west")
    context = ssl.create_default_context(cadata=identities.authority.ca.decode())
    context.load_cert_chain(foreign.path("edge/west") / "cert.pem", foreign.path("edge/west") / "key.pem")
    async with served(identities.tls("aggregator/main")) as url:
        (reason,) = await refused(url, context)
    assert "issuer certificate" in reason


async def test_an_expired_client_is_refused_with_a_logged_reason(identities):
    client = identities.tls("edge/west", days=-timedelta(minutes=1) / timedelta(days=1))
    async with served(identities.tls("aggregator/main")) as url:
        (reason,) = await refused(url, client_context(client))
    assert "certificate has expired" in reason


async def test_a_revoked_client_is_refused_at_the_next_handshake_and_on_an_open_connection(identities):
    context = client_context(identities.tls("edge/west"))
    async with served(identities.tls("aggregator/main")) as url, httpx.AsyncClient(verify=context, trust_env=False) as client:
        assert (await client.get(f"{url}/me")).status_code == 200
        identities.revoke("edge/west", "aggregator/main")
        for _ in range(100):
            if (answer := await client.get(f"{url}/me")).status_code != 200:
                break
            await asyncio.sleep(0.1)
        assert answer.status_code == 401
        assert "is revoked" in answer.json()["detail"]
        (reason,) = await refused(url, context)
    assert "certificate revoked" in reason


async def test_a_server_of_another_name_or_authority_is_refused_by_the_client(identities, tmp_path):
    context = client_context(identities.tls("edge/west"))
    foreign = Identities.make(tmp_path / "foreign")
    async with served(foreign.tls("aggregator/main")) as url:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await ask(url, context)
    made = identities.authority.issue(identities.tls("aggregator/main").identity, ["elsewhere.example"])
    write_credentials(identities.path("aggregator/main"), made)
    async with served(identities.tls_of_files("aggregator/main")) as url:
        with pytest.raises(httpx.ConnectError, match=r"not valid for 'localhost'|Hostname mismatch"):
            await ask(url, context)


async def test_a_rotation_keeps_open_connections_and_serves_the_new_certificate_to_new_ones(identities):
    server = identities.tls("aggregator/main")
    async with (
        served(server) as url,
        httpx.AsyncClient(verify=client_context(identities.tls("edge/west")), trust_env=False) as kept,
    ):
        before = await certificate_of(url)
        connection = (await kept.get(f"{url}/me")).extensions["network_stream"]
        identities.write("aggregator/main")
        after = await certificate_of(url)
        assert after != before
        assert (await kept.get(f"{url}/me")).extensions["network_stream"] is connection
    assert server.version == 2


async def test_broken_files_are_reported_and_the_previous_certificate_stays(identities):
    server = identities.tls("aggregator/main")
    async with served(server) as url:
        key = identities.path("aggregator/main") / "key.pem"
        key.unlink()
        key.write_bytes(identities.authority.issue(server.identity).key)
        assert await ask(url, client_context(identities.tls("edge/west"))) == "davy://demo/edge/west"
    assert "not the certificate's" in server.error


async def test_tls_1_1_is_refused(identities):
    context = ssl.create_default_context(cadata=identities.authority.ca.decode())
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with served(identities.tls("aggregator/main")) as url:
        with pytest.raises(httpx.HTTPError):
            await ask(url, context)


async def certificate_of(url):
    host, port = url.removeprefix("https://").split(":")
    return await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)), timeout=10)
