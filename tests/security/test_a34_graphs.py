"""A34: a signed graph that wants gigabytes, or minutes, ends the process that judges it, and no aggregator."""

import hashlib

import numpy as np
import psutil
import pytest
from onnx import helper
from tests.davy_aggregator.conftest import make_settings, make_site, running
from tests.fixtures.packages import good_package, signing_key, trust

from davy.adapters.process import judge
from davy.adapters.process.isolated import Bounds
from davy.adapters.storage.model_registry import ModelRegistry
from davy.domain.errors import ModelRefusedError
from davy.imaging.graph import INPUT
from davy.imaging.runtime import shipped_model
from davy.models import Package
from davy.models.manifest import FileEntry
from davy.models.package import ONNX, sign
from davy_demo.scenario.bad_models import OUTPUT, _rewired

pytestmark = pytest.mark.system
ZERO = np.zeros((), np.float32)


def package_of(onnx: bytes) -> Package:
    """A package with a valid signature, whose graph was never run."""
    good = good_package()
    entry = FileEntry(size=len(onnx), sha256=hashlib.sha256(onnx).hexdigest())
    manifest = good.manifest.model_copy(update={"files": {**good.manifest.files, ONNX: entry}})
    return sign(manifest, {name: good.files[name] for name in good.manifest.files} | {ONNX: onnx}, signing_key())


def bomb(sides: tuple[int, ...], products: int) -> bytes:
    """The shipped network, and a tensor of these sides that is multiplied with itself again and again."""
    nodes = [
        helper.make_node("ReduceMean", [INPUT], ["mean_"], keepdims=0),
        helper.make_node("Expand", ["mean_", "sides_"], ["product0_"]),
        *(helper.make_node("MatMul", [f"product{i}_", "product0_"], [f"product{i + 1}_"]) for i in range(products)),
        helper.make_node("ReduceMean", [f"product{products}_"], ["sum_"], keepdims=0),
        helper.make_node("Mul", ["sum_", "zero_"], ["nothing_"]),
        helper.make_node("Add", ["grid_", "nothing_"], [OUTPUT]),
    ]
    return _rewired(shipped_model().read_bytes(), {OUTPUT: "grid_"}, nodes, {"sides_": np.array(sides), "zero_": ZERO})


@pytest.fixture
def registry(tmp_path):
    return ModelRegistry(f"file://{tmp_path}/models", trust())


def test_a34_a_graph_that_wants_gigabytes_is_refused(registry):
    with pytest.raises(ModelRefusedError, match="it needs more than 1,500 MB of memory") as error:
        registry.add(package_of(bomb((700, 1024, 1024), 0)).data)
    assert error.value.cause == "limits"
    assert registry.entries() == []


def test_a34_a_graph_that_wants_minutes_is_refused(registry, monkeypatch):
    monkeypatch.setattr(judge, "BOUNDS", Bounds(1_500_000_000, cpu_s=4, wall_s=60))
    with pytest.raises(ModelRefusedError, match=r"more than 4 s of processor time"):
        registry.add(package_of(bomb((3000, 3000), 500)).data)
    assert registry.entries() == []


def test_a_good_graph_is_judged_as_before(registry):
    assert registry.add(good_package().data).id == good_package().id


async def test_a34_the_aggregator_answers_422_and_stays_small(tmp_path):
    trust().save(tmp_path / "keys" / "trust.json")
    async with running(make_settings(tmp_path), make_site()) as aggregator:
        before = psutil.Process().memory_info().rss
        answer = await aggregator.client.post("/v1/models", content=package_of(bomb((700, 1024, 1024), 0)).data, timeout=120)
        assert (answer.status_code, "more than 1,500 MB of memory" in answer.text) == (422, True), answer.text
        assert psutil.Process().memory_info().rss - before < 100_000_000
        assert (await aggregator.get("/healthz")).status_code == 200
