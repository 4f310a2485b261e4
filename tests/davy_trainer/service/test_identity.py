"""A training service with an identity."""

import asyncio
from contextlib import suppress

import httpx
from prometheus_client import CollectorRegistry
from tests.fixtures.identities import Identities

from davy.adapters.tls import client_context
from davy_trainer.service.aggregator import AggregatorClient
from davy_trainer.service.app import serve
from davy_trainer.service.settings import TrainerSettings


async def test_a_trainer_answers_over_tls_and_shows_its_certificate_to_the_aggregator(tmp_path):
    identities = Identities.make(tmp_path / "identities")
    identities.write("trainer/main")
    own, ready = identities.settings("trainer/main"), asyncio.get_running_loop().create_future()
    settings = TrainerSettings(access="open", port=0, grpc_port=0, data=tmp_path / "data", keys=tmp_path / "keys", tls=own)
    task = asyncio.create_task(serve(settings, CollectorRegistry(), ready.set_result))
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    try:
        url = f"https://localhost:{ready.result().http}"
        async with httpx.AsyncClient(verify=client_context(identities.tls("program/ada")), trust_env=False) as client:
            assert (await client.get(f"{url}/v1/training-runs")).json()["runs"] == []
        asked = AggregatorClient.of(settings.model_copy(update={"aggregator": url}))
        async with asked._client() as client:
            assert (await client.get("/healthz")).status_code == 200
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
