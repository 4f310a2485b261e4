"""Recordings on S3 while the storage is away."""

import asyncio
import time
from itertools import pairwise

import pytest
from tests.davy_aggregator.conftest import make_settings, running, until
from tests.davy_aggregator.outputs.test_webrtc import pushing
from tests.davy_aggregator.recording.test_recordings import recording_site
from tests.faults.proxy import link
from tests.fixtures.video import VideoSource

from davy.domain.recording import Segment
from davy.domain.secret_url import SecretUrl

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(300)]
S = 1_000_000_000
FACE = "/v1/cameras/north.face"


def at(ns: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ns // S))


@pytest.mark.parametrize("away_s", [30])
async def test_a_storage_that_is_away_for_30_s_costs_no_picture(tmp_path, monkeypatch, away_s):
    """Live video, and S3 behind a link that is cut: the timeline and the video go on, and every segment arrives afterwards."""
    pytest.importorskip("s3fs", reason="pip install s3fs 'moto[server]'")
    pytest.importorskip("moto", reason="pip install s3fs 'moto[server]'")
    import s3fs
    from tests.fixtures.object_store import running_object_store

    with running_object_store() as store:
        url = store.bucket()
        async with link(store.port) as cable:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{cable.port}")
            s3fs.S3FileSystem.clear_instance_cache()
            settings = make_settings(tmp_path, recordings=SecretUrl(url))
            async with (
                running(settings, recording_site(mode="continuous")) as aggregator,
                pushing(aggregator, VideoSource(fps=10)),
            ):
                bucket = s3fs.S3FileSystem(endpoint_url=f"http://127.0.0.1:{store.port}", skip_instance_cache=True)

                def stored() -> list[Segment]:
                    bucket.invalidate_cache()
                    root = url.removeprefix("s3://")
                    found = [
                        Segment.parse(path.removeprefix(f"{root}/"), 1) for path in bucket.find(root) if path.endswith(".mp4")
                    ]
                    return sorted(found, key=lambda segment: segment.first_seq)

                async def in_bucket() -> list[Segment]:
                    return await asyncio.to_thread(stored)

                async def is_there() -> bool:
                    return bool(await in_bucket())

                await until(is_there, 40)
                began = time.time_ns()
                cable.part()
                await asyncio.sleep(away_s)
                during = {"from": at(began - 30 * S), "to": at(time.time_ns())}
                spans = (await aggregator.get("/v1/recordings", params=during)).json()["recordings"][0]["spans"]
                cable.heal()
                ended = time.time_ns()

                async def has_all() -> bool:
                    found = await in_bucket()
                    return found[-1].end_ns > ended and not list((tmp_path / "recordings").rglob("*.mp4"))

                await until(has_all, 120)
                whole = await in_bucket()
                clip = {"camera": "north.face", "name": "outage", "start_at": at(began), "end_at": at(began + 20 * S)}
                made = await aggregator.client.post("/v1/clips", json=clip)
                span = {"from": at(began), "to": at(began + 20 * S)}
                video = await aggregator.get(f"{FACE}/recording.mp4", params=span, timeout=60)
                everything = {"from": at(began - 3600 * S), "to": at(time.time_ns() + 60 * S)}
                deleted = await aggregator.client.delete(f"{FACE}/recording", params=everything, timeout=60)
                left = await in_bucket()
    assert len(spans) == 1  # the timeline went on
    assert all(after.first_seq == before.last_seq + 1 for before, after in pairwise(whole))
    assert (made.status_code, video.status_code) == (201, 200)
    assert len(video.content) > 100_000
    assert deleted.json()["held"] >= 2
    assert all(segment.end_ns > began and segment.start_ns < began + 20 * S for segment in left if segment in whole)
