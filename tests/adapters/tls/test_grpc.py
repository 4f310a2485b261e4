import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import grpc
import pytest
from tests.fixtures.identities import Identities, self_signed

from davy.adapters.grpc.alarm_client import AlarmClient
from davy.adapters.grpc.channels import Channels, open_channel
from davy.adapters.grpc.rollout_client import RolloutClient
from davy.adapters.grpc.server import serve_grpc
from davy.adapters.grpc.tls import peer
from davy.domain.errors import AggregatorRefusedError
from davy.identity import write_credentials
from davy.v1 import enhancer_pb2, enhancer_pb2_grpc

pytestmark = pytest.mark.system


class Mirror(enhancer_pb2_grpc.EnhancerServiceServicer):
    """Answers with the name of its peer."""

    async def Enhance(self, request, context):  # noqa: N802
        return enhancer_pb2.EnhanceResponse(image=str(peer(context)).encode())

    async def EnhanceStream(self, request_iterator, context):  # noqa: N802
        async for request in request_iterator:
            yield enhancer_pb2.EnhanceStreamResponse(id=request.id, response=await self.Enhance(request, context))


def register(server):
    enhancer_pb2_grpc.add_EnhancerServiceServicer_to_server(Mirror(), server)
    return ["davy.v1.EnhancerService"]


@asynccontextmanager
async def served(tls, port=0):
    listening = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_grpc("127.0.0.1", port, register, listening.set_result, tls=tls))
    try:
        yield f"grpcs://localhost:{await listening}"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def ask(channel) -> str:
    stub = enhancer_pb2_grpc.EnhancerServiceStub(channel)
    return (await stub.Enhance(enhancer_pb2.EnhanceRequest(), timeout=5)).image.decode()


async def test_a_call_carries_the_identity_of_its_peer(identities):
    async with served(identities.tls("aggregator/main")) as url, open_channel(url, identities.tls("edge/west")) as channel:
        assert await ask(channel) == "davy://demo/edge/west"


async def refused(url, tls):
    async with open_channel(url, tls) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask(channel)
    return caught.value


async def test_self_signed_foreign_and_expired_peers_are_refused_and_grpc_logs_why(identities, tmp_path, capfd):
    write_credentials(tmp_path / "self", self_signed(tmp_path / "openssl", "davy://demo/edge/west"))
    foreign = Identities.make(tmp_path / "foreign")
    expired = identities.tls("edge/west", days=-timedelta(minutes=1) / timedelta(days=1))
    async with served(identities.tls("aggregator/main")) as url:
        await refused(url, expired)
        for name in ("self", "foreign"):
            client = foreign.tls("edge/west")
            if name == "self":
                write_credentials(foreign.path("edge/west"), self_signed(tmp_path / "openssl", "davy://demo/edge/west"))
            (foreign.path("edge/west") / "ca.pem").unlink()
            (foreign.path("edge/west") / "ca.pem").write_bytes(identities.authority.ca)
            await refused(url, client)
    reasons = capfd.readouterr().err
    assert "certificate has expired" in reasons
    assert "self signed" in reasons or "self-signed" in reasons
    assert "unable to get local issuer certificate" in reasons


async def test_a_peer_without_a_certificate_is_refused(identities, tmp_path):
    authority = grpc.ssl_channel_credentials(root_certificates=identities.authority.ca)
    async with served(identities.tls("aggregator/main")) as url:
        async with grpc.aio.secure_channel(url.removeprefix("grpcs://"), authority) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await ask(channel)
        async with open_channel(url.replace("grpcs", "grpc")) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await ask(channel)


async def test_a_revoked_peer_is_refused_with_the_reason_and_its_open_stream_ends(identities):
    async with served(identities.tls("aggregator/main")) as url, open_channel(url, identities.tls("edge/west")) as channel:
        stream = enhancer_pb2_grpc.EnhancerServiceStub(channel).EnhanceStream()
        await stream.write(enhancer_pb2.EnhanceStreamRequest(id="1"))
        assert (await stream.read()).id == "1"
        identities.revoke("edge/west", "aggregator/main")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            for number in range(2, 60):
                await stream.write(enhancer_pb2.EnhanceStreamRequest(id=str(number)))
                assert await stream.read() is not grpc.aio.EOF
                await asyncio.sleep(0.1)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        error = await refused(url, identities.tls_of_files("edge/west"))
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "is revoked" in error.details()


async def test_an_open_stream_ends_with_the_certificate_of_its_peer(identities):
    client = identities.tls("edge/west", days=4 / 86_400)
    async with served(identities.tls("aggregator/main")) as url, open_channel(url, client) as channel:
        stream = enhancer_pb2_grpc.EnhancerServiceStub(channel).EnhanceStream()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            for number in range(100):
                await stream.write(enhancer_pb2.EnhanceStreamRequest(id=str(number)))
                await stream.read()
                await asyncio.sleep(0.1)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "expired" in caught.value.details()


async def test_an_identity_of_another_site_is_refused_even_by_the_same_authority(identities):
    server = identities.tls("aggregator/main")
    identities.authority.site = "other"  # an authority of a company signs for several sites
    identities.write("edge/west")
    async with served(server) as url:
        error = await refused(url, identities.tls_of_files("edge/west"))
    assert "this is site demo" in error.details()


async def test_a_server_serves_its_new_certificate_and_a_client_shows_its_new_one_at_the_next_connection(identities):
    server, client = identities.tls("aggregator/main"), identities.tls("edge/west")
    async with served(server) as url:
        channels = Channels(url, client)
        try:
            first = await channels.get()
            assert await ask(first) == "davy://demo/edge/west"
            identities.revoke("edge/west", "aggregator/main")
            identities.write("aggregator/main")
            identities.write("edge/west")
            for _ in range(100):
                if channels.newest > 1:
                    break
                await asyncio.sleep(0.05)
            second = await channels.get()
            assert second is not first
            assert await ask(second) == "davy://demo/edge/west"
        finally:
            await channels.close()
    assert server.version >= 2


async def test_a_revoked_server_is_refused_with_the_reason(identities):
    server, client = identities.tls("aggregator/main"), identities.tls("edge/west")
    identities.revoke("aggregator/main", "edge/west")
    async with served(server) as url:
        channels = Channels(url, client)
        try:
            with pytest.raises(AggregatorRefusedError, match="is refused: certificate revoked"):
                await channels.get()
        finally:
            await channels.close()


@pytest.mark.parametrize("client", [AlarmClient, RolloutClient])
async def test_operators_clients_refuse_a_revoked_server(identities, client):
    server, own = identities.tls("aggregator/main"), identities.tls("edge/west")
    identities.revoke("aggregator/main", "edge/west")
    async with served(server) as url:
        with pytest.raises(AggregatorRefusedError, match="is refused: certificate revoked"):
            async with client.connect(url, own):
                pass


async def test_streams_to_a_server_end_once_it_is_revoked_and_its_new_certificate_is_taken(identities):
    server, client = identities.tls("aggregator/main"), identities.tls("edge/west")
    async with served(server) as url:
        channels = Channels(url, client)
        try:
            stream = enhancer_pb2_grpc.EnhancerServiceStub(await channels.get()).EnhanceStream()
            await stream.write(enhancer_pb2.EnhanceStreamRequest(id="1"))
            assert (await stream.read()).id == "1"
            identities.revoke("aggregator/main", "edge/west")
            with pytest.raises((grpc.aio.AioRpcError, asyncio.CancelledError)):
                async with asyncio.timeout(10):
                    await stream.read()  # nothing is sent, and no call begins
            with pytest.raises(AggregatorRefusedError):
                await channels.get()
            identities.write("aggregator/main")
            assert await ask(await channels.get()) == "davy://demo/edge/west"
        finally:
            await channels.close()


async def test_a_server_that_comes_back_with_another_certificate_is_looked_at_again(identities):
    client = identities.tls("edge/west")
    async with served(identities.tls("aggregator/main")) as url:
        channels = Channels(url, client)
        assert await ask(await channels.get()) == "davy://demo/edge/west"
    port = int(url.rpartition(":")[2])
    try:
        async with served(identities.tls("aggregator/main"), port):
            async with asyncio.timeout(20):
                while True:
                    with suppress(grpc.aio.AioRpcError):
                        assert await ask(await channels.get()) == "davy://demo/edge/west"
                        break
                    await asyncio.sleep(0.1)
    finally:
        await channels.close()
