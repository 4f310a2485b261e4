import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from tests.davy_aggregator.samples.test_rpc import push, sample
from tests.davy_trainer.service.conftest import serving, until
from tests.fixtures.scenes import scene

from davy.adapters.media import jpeg
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.run_store import RunStore
from davy.domain.errors import TrainingError
from davy_trainer.service.embedding_watch import NO_REFERENCE, EmbeddingWatch
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.run_service import RunService

pytestmark = [pytest.mark.system, pytest.mark.alone]  # measured at the lowest priority, which other tests would starve
COLOURS = ((1.0, 0.2, 0.1), (0.1, 0.3, 1.0), (0.2, 1.0, 0.2))


@pytest.fixture
async def aggregator(tmp_path):
    from tests.davy_aggregator.conftest import make_settings, make_site, running

    camera = {"source": "mine://face"}
    site = make_site(north={"cameras": dict.fromkeys(("face", "belt", "shaft"), camera)})
    async with running(make_settings(tmp_path / "aggregator"), site) as found:
        yield found


def changed(number: int) -> bytes:
    """A view that was never seen there: turned, coloured, brighter."""
    picture = scene(90 + 11 * number, 3.0, (240, 320)) * np.array(COLOURS[number % 3])
    return jpeg.encode(np.ascontiguousarray(picture.astype(np.uint8)))


class Watched:
    """A watch of its own, without a service around it."""

    def __init__(self, settings, tmp_path) -> None:
        self.database = database = open_database(tmp_path)
        self.registry, self.store, self.errors = CollectorRegistry(), RunStore(database), []
        self.runs = RunService(settings, self.store)
        self.watch = EmbeddingWatch(self.runs, TrainerMetrics(self.registry), lambda: True, self.errors.append)

    def drift(self, camera: str) -> float | None:
        return self.registry.get_sample_value("davy_training_embedding_drift", {"camera": camera})


async def test_pictures_unlike_the_reference_are_measured_and_start_a_run(aggregator, settings, tmp_path):
    given = {"aggregator": aggregator.http, "embedding_above": 1.3, "embedding_checks": 1, "embedding_min_samples": 6}
    seen = Watched(settings(**given | {"embedding_samples": 3}), tmp_path)
    await push(aggregator, *(sample(seq, 3 * seq) for seq in range(1, 4)))
    await seen.watch.measure()
    assert (await seen.watch.newest()).message == NO_REFERENCE  # three pictures are too few for a reference
    assert seen.drift("north.face") is None

    await push(aggregator, *(sample(seq, 3 * seq) for seq in range(4, 9)))
    await push(aggregator, *(sample(seq, 3 * seq + 1, camera="belt") for seq in range(11, 19)))
    await seen.watch.measure()
    first = await seen.watch.newest()
    assert first.reference == "the site's own samples"
    assert {each.camera: each.known for each in first.cameras} == {"north.belt": True, "north.face": True}
    assert max(seen.drift("north.face"), seen.drift("north.belt")) < 1.3
    await seen.watch.measure()
    assert (await seen.watch.newest()).measured_ns == first.measured_ns  # nothing new, nothing measured
    assert await seen.runs.all() == []

    await push(aggregator, *(sample(30 + k, jpeg=changed(k)) for k in range(3)))
    await push(aggregator, *(sample(40 + k, jpeg=changed(3 + k), camera="shaft") for k in range(3)))
    await seen.watch.measure()
    last = {each.camera: each for each in (await seen.watch.newest()).cameras}
    assert last["north.face"].score > 1.3 > last["north.belt"].score
    assert not last["north.shaft"].known  # it is not in the reference yet: shown, and no reason for a run
    (run,) = await seen.runs.all()
    assert (run.kind, run.trigger, run.drifted) == ("adapt", "drift", ("north.face",))
    assert "(picture)" in run.reason
    assert seen.drift("north.face") == last["north.face"].score
    seen.database.close()


async def test_a_measurement_that_fails_says_why(aggregator, settings, tmp_path):
    given = {"aggregator": aggregator.http, "embedding_min_samples": 2, "embedding_clip": "nosuch:tag"}
    seen = Watched(settings(**given), tmp_path)
    await push(aggregator, *(sample(seq, 3 * seq) for seq in range(1, 4)))
    with pytest.raises(TrainingError, match="nosuch"):
        await seen.watch.measure()
    seen.database.close()


@pytest.mark.slow  # 11 s; the watch itself is tested above
async def test_the_service_measures_by_itself_and_reports_over_rest(aggregator, settings):
    await push(aggregator, *(sample(seq, 3 * seq) for seq in range(1, 5)))
    given = {"aggregator": aggregator.http, "embedding_every_s": 0.2, "embedding_min_samples": 3}
    async with serving(settings(**given)) as service:

        async def drift() -> dict:
            return (await service.client.get("/v1/embedding-drift")).json()

        found = await until(drift, lambda seen: seen["cameras"], 60)
        assert [each["camera"] for each in found["cameras"]] == ["north.face"]
        assert "davy_training_embedding_drift{" in (await service.client.get("/metrics")).text
        assert (await service.client.get("/readyz")).json()["errors"] == {}
