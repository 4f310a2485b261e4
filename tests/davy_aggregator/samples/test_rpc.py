"""The way of samples over a real gRPC socket, from an edge's cameras to the store."""

import asyncio

import grpc
import pytest
from tests.davy_aggregator.conftest import make_settings, running
from tests.fixtures.edges import edge, site_of, until
from tests.fixtures.scenes import scene

from davy.adapters.media import jpeg
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.sample_store import SampleStore
from davy.domain.sample import SampleQuery
from davy.v1 import sample_pb2, sample_pb2_grpc

pytestmark = pytest.mark.system


def sample(seq: int, number: int = 0, **changes) -> sample_pb2.Sample:
    fields = {"site": "mine", "edge": "north", "camera": "face", "boot_id": "b1", "seq": seq, "captured_ns": 10**18}
    fields |= {"reason": "dark", "model": "ispcnn-1", "figures": {"value": 0.5}, "jpeg": jpeg.encode(scene(number))}
    return sample_pb2.Sample(**fields | changes)


async def push(aggregator, *samples: sample_pb2.Sample) -> list[tuple[int, str]]:
    stub = sample_pb2_grpc.SampleServiceStub(aggregator.channel)
    requests = (sample_pb2.PushSamplesRequest(sample=each) for each in samples)
    return [(ack.seq, ack.outcome) async for ack in stub.PushSamples(requests)]


async def test_every_sample_is_answered_with_its_outcome(aggregator):
    sent = [sample(1), sample(1), sample(2), sample(3, number=5), sample(4, jpeg=b"\xff\xd8no"), sample(5, camera="No!")]
    answers = await push(aggregator, *sent)
    assert answers == [(1, "stored"), (1, "duplicate"), (2, "similar"), (3, "stored"), (4, "refused"), (5, "refused")]
    value = aggregator.registry.get_sample_value
    for outcome in ("stored", "duplicate", "similar"):
        labels = {"edge": "north", "camera": "face", "outcome": outcome}
        assert value("davy_samples_received_total", labels) == (2 if outcome == "stored" else 1)
    assert value("davy_samples", {"edge": "north", "camera": "face", "use": "train"}) == 2
    assert value("davy_samples_bytes") > 10_000


@pytest.mark.parametrize(
    ("changes", "text"), [({"edge": "stranger"}, "stranger"), ({"site": "other"}, "the samples are of site 'other'")]
)
async def test_an_edge_that_the_site_does_not_name_is_refused(aggregator, changes, text):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await push(aggregator, sample(1, **changes))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert text in refused.value.details()


async def test_an_edge_keeps_its_samples_until_the_aggregator_is_there(tmp_path, free_port):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "0.jpg").write_bytes(jpeg.encode(scene(2, 1.0)))
    site = site_of(f"file://{pictures}", aggregator=f"grpc://127.0.0.1:{free_port}")
    data = tmp_path / "aggregator"
    async with edge(site, tmp_path / "edge", samples_every_s=0.2, look_every_s=0.1) as north:
        await until(lambda: north.value("davy_edge_samples_chosen_total", camera="face"))
        await asyncio.sleep(0.3)
        async with running(make_settings(data, grpc_port=free_port), site) as aggregator:
            await until(lambda: north.value("davy_edge_samples_answered_total", outcome="stored") == 1, 15)
            assert aggregator.registry.get_sample_value("davy_samples_bytes") > 1000
    database = open_database(data)
    store = SampleStore(database, 10**9, 10)
    (found,) = store.query(SampleQuery())
    assert (found.site, found.camera, found.reason) == ("demo", "north.face", "uneven")
    assert found.model.startswith("ispcnn-")
    assert jpeg.decode(store.picture(found.id)).mean() < 60  # raw
    database.close()
