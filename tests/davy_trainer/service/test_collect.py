import asyncio
import json
from functools import partial

import pytest
from fastapi import FastAPI
from tests.davy_aggregator.conftest import make_settings, make_site, running
from tests.davy_aggregator.samples.test_rpc import push, sample
from tests.fixtures.scenes import scene

from davy.adapters.http.server import serve_app
from davy.adapters.media import jpeg
from davy.domain.errors import AggregatorUnavailableError, ConfigError, DavyError
from davy_trainer.service import aggregator as asking
from davy_trainer.service.aggregator import AggregatorClient, no_check, retry_unavailable
from davy_trainer.service.collect import by_camera, collect_samples, fetch_running_model, mirror_samples
from davy_trainer.service.publish import start_rollout

pytestmark = pytest.mark.system


@pytest.fixture
async def aggregator(tmp_path):
    async with running(make_settings(tmp_path / "aggregator"), make_site()) as found:
        yield found


async def test_samples_come_page_by_page_without_excluded_ones_and_the_pinned_are_kept_apart(
    aggregator, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr(asking, "PAGE", 2)
    await push(aggregator, *(sample(seq, 2 * seq, camera="face" if seq < 4 else "belt") for seq in range(1, 6)))
    known = (await aggregator.get("/v1/samples")).json()["samples"]
    for which, use in ((known[0], "excluded"), (known[-1], "validation")):
        await aggregator.client.put(f"/v1/samples/{which['id']}/use", json={"use": use})
    folder = tmp_path / "run" / "samples"
    await collect_samples(settings(aggregator=aggregator.http), folder, (), no_check)
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))
    name = {each["id"]: f"{each['camera']}/{each['id']:010d}.jpg" for each in known}
    train = [f"train/{name[each['id']]}" for each in known[1:-1]]
    assert found == sorted([*train, f"validation/{name[known[-1]['id']]}"])
    assert (folder / found[-1]).read_bytes() == jpeg.encode(scene(2))
    origins = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
    assert {each["path"] for each in origins} == set(found)
    assert {each["reason"] for each in origins} == {"dark"}


async def test_only_the_newest_are_taken(aggregator, settings, tmp_path):
    await push(aggregator, *(sample(seq, 2 * seq) for seq in range(1, 5)))
    await collect_samples(settings(aggregator=aggregator.http, max_samples=2), tmp_path / "s", (), no_check)
    assert sorted(path.stem for path in (tmp_path / "s").rglob("*.jpg")) == ["0000000003", "0000000004"]


async def test_pictures_are_bounded_one_by_one_and_in_all_and_the_newest_stay(aggregator, settings, tmp_path):
    pictures = {1: jpeg.encode(scene(1)), 2: jpeg.encode(scene(3)), 3: jpeg.encode(scene(5, size=(1280, 960)))}
    sizes = {seq: len(picture) for seq, picture in pictures.items()}
    await push(aggregator, *(sample(seq, jpeg=picture) for seq, picture in pictures.items()))
    given = {"aggregator": aggregator.http, "max_picture_bytes": sizes[3] - 1}
    await collect_samples(settings(**given), tmp_path / "small", (), no_check)
    assert sorted(path.stem for path in (tmp_path / "small").rglob("*.jpg")) == ["0000000001", "0000000002"]
    given = {"aggregator": aggregator.http, "max_samples_bytes": sizes[3] + sizes[2]}
    await collect_samples(settings(**given), tmp_path / "few", (), no_check)
    assert sorted(path.stem for path in (tmp_path / "few").rglob("*.jpg")) == ["0000000002", "0000000003"]
    assert len((tmp_path / "few" / "samples.jsonl").read_text().splitlines()) == 2


async def test_a_mirror_of_the_newest_holds_nothing_else(aggregator, settings, tmp_path):
    await push(aggregator, *(sample(seq, 2 * seq, camera="face" if seq < 4 else "belt") for seq in range(1, 6)))
    given, asked = settings(aggregator=aggregator.http), AggregatorClient(aggregator.http)
    newest = by_camera(await asked.samples(100), 2)
    assert {name: [each["id"] for each in some] for name, some in newest.items()} == {
        "north.belt": [5, 4],
        "north.face": [3, 2],
    }
    old = tmp_path / "mirror" / "north.face" / "0000000001.jpg"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    await mirror_samples(asked, newest, tmp_path / "mirror", given)
    assert sorted(path.stem[-1] for path in (tmp_path / "mirror").rglob("*.jpg")) == ["2", "3", "4", "5"]


async def test_a_drifted_camera_without_samples_is_a_clear_error(aggregator, settings, tmp_path):
    given = settings(aggregator=aggregator.http, samples_wait_s=0)
    with pytest.raises(ConfigError, match=r"north\.face: fewer than 1"):
        await collect_samples(given, tmp_path / "s", ("north.face",), no_check)
    assert not (tmp_path / "s").exists()


async def test_a_fleet_that_has_said_nothing_runs_what_was_installed(aggregator, settings, tmp_path):
    assert await AggregatorClient(aggregator.http).running_model() == ""
    assert await fetch_running_model(settings(aggregator=aggregator.http), tmp_path / "running") == ""
    assert sorted(path.name for path in (tmp_path / "running").iterdir()) == ["ispcnn.onnx", "ispcnn.safetensors"]
    with pytest.raises(ConfigError, match="is not available"):
        await fetch_running_model(settings(model="nosuch"), tmp_path / "other")


async def test_an_aggregator_that_stays_away_ends_the_run_with_its_address(settings, tmp_path, free_port):
    given = settings(aggregator=f"http://127.0.0.1:{free_port}", aggregator_wait_s=0.6)
    with pytest.raises(AggregatorUnavailableError, match=str(free_port)):
        await collect_samples(given, tmp_path / "s", (), no_check)


async def test_a_run_waits_for_an_aggregator_that_starts_late(settings, tmp_path, free_port):
    attempts = Attempts()
    given = settings(aggregator=f"http://127.0.0.1:{free_port}")
    collecting = asyncio.create_task(collect_samples(given, tmp_path / "s", (), attempts.check))
    await attempts.reach(4)  # the aggregator is not there yet
    assert not collecting.done()
    async with running(make_settings(tmp_path / "aggregator", port=free_port), make_site()) as late:
        await push(late, sample(1))
        await asyncio.wait_for(collecting, 60)
    assert (tmp_path / "s" / "samples.jsonl").exists()


async def test_a_rollout_waits_for_an_aggregator_that_starts_late(settings, tmp_path, free_port):
    attempts = Attempts()
    given = settings(rollout_grpc=f"grpc://127.0.0.1:{free_port}")
    begin = partial(start_rollout, given, "0" * 64)
    beginning = asyncio.create_task(retry_unavailable(begin, given.aggregator_wait_s, attempts.check))
    await attempts.reach(3)
    assert not beginning.done()
    async with running(make_settings(tmp_path / "aggregator", grpc_port=free_port), make_site()):
        with pytest.raises(DavyError) as refused:  # by the aggregator itself: it knows no such model
            await asyncio.wait_for(beginning, 60)
    assert not isinstance(refused.value, AggregatorUnavailableError)


async def test_a_cancelled_run_stops_waiting_for_the_aggregator(settings, tmp_path, free_port):
    attempts = Attempts(most=3)
    given = settings(aggregator=f"http://127.0.0.1:{free_port}")
    with pytest.raises(InterruptedError):
        await asyncio.wait_for(collect_samples(given, tmp_path / "s", (), attempts.check), 60)


class Attempts:
    """Counts the checks that a waiting run makes before each attempt; cancels it at the `most`-th."""

    def __init__(self, most: int = 1000) -> None:
        self.count, self.most, self.changed = 0, most, asyncio.Condition()

    async def check(self) -> None:
        async with self.changed:
            self.count += 1
            self.changed.notify_all()
        if self.count >= self.most:
            raise InterruptedError

    async def reach(self, count: int) -> None:
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: self.count >= count), 60)


@pytest.mark.parametrize(
    "answer",
    [
        {"samples": [{"id": 1, "camera": "../../etc", "use": "train"}], "cursor": None},
        {"samples": [{"id": "../x", "camera": "north.face", "use": "train"}], "cursor": None},
        {"samples": [{}], "cursor": None},
        {"other": []},
    ],
)
async def test_an_aggregator_that_answers_nonsense_writes_nowhere(answer, free_port):
    app = FastAPI()
    app.add_api_route("/v1/samples", lambda: answer)
    server = asyncio.create_task(serve_app(app, "127.0.0.1", free_port))
    await asyncio.sleep(0)
    with pytest.raises(AggregatorUnavailableError):
        await AggregatorClient(f"http://127.0.0.1:{free_port}").samples(10)
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)
