"""An enhancer with an identity, and one that reads raw frames from a broker with certificates alone."""

import asyncio

import grpc
import httpx
import pytest
from tests.adapters.tls.test_mqtt import address, secure_broker
from tests.conftest import MOSQUITTO
from tests.fixtures.identities import Identities

from davy.adapters.grpc.channels import open_channel
from davy.adapters.tls import client_context
from davy.site import SiteConfig
from davy.v1 import enhancer_pb2, enhancer_pb2_grpc


async def test_an_enhancer_answers_over_tls_and_refuses_calls_without(start_service, tmp_path):
    identities = Identities.make(tmp_path / "identities")
    identities.write("enhancer/main")
    program = identities.tls("program/ada")
    async with start_service(tls=identities.settings("enhancer/main")) as service:
        host = f"localhost:{service.addresses.http_port}"
        async with httpx.AsyncClient(verify=client_context(program), trust_env=False) as client:
            assert (await client.get(f"https://{host}/v1/model")).status_code == 200
            with pytest.raises(httpx.HTTPError):
                await client.get(f"http://{host}/v1/model")
        async with open_channel(f"grpcs://localhost:{service.addresses.grpc_port}", program) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await enhancer_pb2_grpc.EnhancerServiceStub(channel).Enhance(enhancer_pb2.EnhanceRequest(), timeout=20)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT  # it was asked, with an empty picture
        name = {"identity": "davy://demo/enhancer/main"}
        assert service.count("davy_certificate_expiry_timestamp_seconds", **name) > 0


@pytest.mark.system
@pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
async def test_an_enhancer_joins_the_pool_by_its_certificate(start_service, tmp_path):
    identities = Identities.make(tmp_path / "identities")
    identities.write("enhancer/main")
    camera = {"source": "simulator://face"}
    with secure_broker(identities) as broker:
        edges = {"thin": {"enhance": "pool", "cameras": {"cam": camera}}}
        site = SiteConfig.model_validate({"site": "demo", "broker": address(broker), "edges": edges})
        async with start_service(site=site, tls=identities.settings("enhancer/main")) as service:
            url = f"https://localhost:{service.addresses.http_port}/readyz"
            async with httpx.AsyncClient(verify=client_context(identities.tls("program/ada")), trust_env=False) as client:
                for _ in range(100):
                    if "broker" not in (text := (await client.get(url)).text):
                        break
                    await asyncio.sleep(0.1)
            assert "broker" not in text
