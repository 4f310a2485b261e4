import io
import json
import zipfile

import pytest
from tests.davy_aggregator.samples.test_rpc import push, sample
from tests.fixtures.scenes import scene

from davy.adapters.media import jpeg

pytestmark = pytest.mark.system


async def fill(aggregator) -> list[dict]:
    """Three samples, oldest first."""
    await push(aggregator, sample(1, 0), sample(2, 2, camera="belt", reason="uneven"), sample(3, 3, model="ispcnn-2"))
    return (await aggregator.get("/v1/samples")).json()["samples"][::-1]


async def test_samples_are_listed_with_their_origin_filtered_and_paged(aggregator):
    first, belt, newest = await fill(aggregator)
    assert (first["camera"], first["reason"], first["model"], first["use"]) == ("north.face", "dark", "ispcnn-1", "train")
    assert (first["captured_at"], first["boot_id"], first["seq"]) == ("2001-09-09T01:46:40.000Z", "b1", 1)
    for query, expected in (
        ("camera=north.belt", [belt]),
        ("reason=uneven", [belt]),
        ("edge=north&model=ispcnn-2", [newest]),
        ("use=excluded", []),
        ("limit=2", [newest, belt]),
    ):
        assert (await aggregator.get(f"/v1/samples?{query}")).json()["samples"] == expected
    cursor = (await aggregator.get("/v1/samples?limit=2")).json()["cursor"]
    assert (await aggregator.get(f"/v1/samples?cursor={cursor}")).json()["samples"] == [first]
    assert (await aggregator.get(f"/v1/samples/{first['id']}")).json() == first


async def test_the_picture_is_the_raw_jpeg(aggregator):
    first, *_ = await fill(aggregator)
    answer = await aggregator.get(first["picture"])
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content == jpeg.encode(scene(0))


async def test_an_export_is_a_training_folder_without_excluded_samples(aggregator):
    first, belt, newest = await fill(aggregator)
    for which, use in ((first, "excluded"), (newest, "validation")):
        answer = await aggregator.client.put(f"/v1/samples/{which['id']}/use", json={"use": use})
        assert (answer.status_code, answer.json()["use"]) == (200, use)
    archive = zipfile.ZipFile(io.BytesIO((await aggregator.get("/v1/samples/export.zip")).content))
    assert archive.testzip() is None
    pictures = [f"low/north.belt/{belt['id']:08d}.jpg", f"validation/north.face/{newest['id']:08d}.jpg"]
    assert archive.namelist() == [*pictures, "samples.jsonl"]
    assert jpeg.decode(archive.read(pictures[0])).shape == (240, 320, 3)
    origins = [json.loads(line) for line in archive.read("samples.jsonl").splitlines()]
    assert [(each["path"], each["reason"], each["edge"]) for each in origins] == [
        (pictures[0], "uneven", "north"),
        (pictures[1], "dark", "north"),
    ]
    only = zipfile.ZipFile(io.BytesIO((await aggregator.get(f"/v1/samples/export.zip?after={belt['id']}")).content))
    assert only.namelist() == [pictures[1], "samples.jsonl"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("GET", "/v1/samples/77", None, 404, "no sample 77"),
        ("GET", "/v1/samples/77/picture.jpg", None, 404, "no sample 77"),
        ("PUT", "/v1/samples/77/use", {"use": "train"}, 404, "no sample 77"),
        ("PUT", "/v1/samples/77/use", {"use": "burn"}, 422, "use"),
        ("GET", "/v1/samples?use=burn", None, 422, "use"),
        ("GET", "/v1/samples?cursor=x", None, 422, "cursor"),
    ],
)
async def test_an_invalid_request_is_a_problem_with_a_reason(aggregator, method, path, body, status, text):
    answer = await aggregator.client.request(method, path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert text in answer.json()["detail"]


async def test_a_page_of_another_origin_changes_nothing(aggregator):
    first, *_ = await fill(aggregator)
    headers = {"Origin": "http://evil.example"}
    answer = await aggregator.client.put(f"/v1/samples/{first['id']}/use", json={"use": "excluded"}, headers=headers)
    assert answer.status_code == 403
