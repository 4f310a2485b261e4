"""Runs that train the detector: drawn mines, a training that resumes, the comparison on held-out mines, a candidate."""

import pytest
from tests.davy_trainer.service.conftest import serving, sse

from davy.adapters.storage.model_registry import ModelRegistry
from davy.domain.errors import InvalidInputError, TrainingError
from davy.models import ModelKind, open_candidate
from davy.models.detector import load_detector
from davy_trainer.service.publish import check_detector
from davy_trainer.service.run_settings import validate_overrides

FIGURES = {
    f"{name}-{light}{suffix}": 0.8
    for name in ("ap50", "recall")
    for light in ("raw", "enhanced")
    for suffix in ("", "-running")
} | {"look-ms": 20.0, "look-ms-running": 19.0, "size-bytes": 8e6, "size-bytes-running": 8e6}


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ({"ap50-raw": 0.7}, "ap50-raw is 0.700"),
        ({"recall-enhanced": 0.7}, "recall-enhanced is 0.700"),
        ({"look-ms": 40.0}, "a look takes 40.0 ms"),
        ({"size-bytes": 2e7}, "20.0 MB"),
        ({"ap50-raw": float("nan")}, "not a number"),
    ],
)
def test_a_detector_that_is_worse_slower_or_larger_is_rejected(settings, worse, reason):
    assert len(check_detector(FIGURES, settings())) == 6
    with pytest.raises(TrainingError, match=reason):
        check_detector(FIGURES | worse, settings())


def test_a_request_sets_no_folders_of_a_detectors_training(settings):
    assert validate_overrides(settings(), "people", {"steps": 3}) == {"steps": 3}
    for name in ("base", "mine", "photographs"):
        with pytest.raises(InvalidInputError, match="the service sets the paths"):
            validate_overrides(settings(), "people", {name: "/etc"})
    with pytest.raises(InvalidInputError, match="patience"):
        validate_overrides(settings(), "people", {"patience": 3})


@pytest.mark.slow
@pytest.mark.timeout(500)
async def test_a_trained_detector_becomes_a_candidate_with_both_figures(settings, tmp_path):
    given = settings(sign="person", people_seeds="100-100", people_held_out="500-500", people_frames=1, max_look_ratio=9.0)
    async with serving(given) as service:
        run = await service.start("people", steps=4, mine_batch=2, photograph_batch=1, checkpoint_every=2, log_every=1)
        events = await sse(service.client, run)
        assert any('"total":4' in data.replace(" ", "") for kind, _, data in events if kind == "progress")
        ended = await service.ended(run, 400)
        assert (ended["state"], ended["result"]["unsigned"]) == ("done", True), ended["message"]
        assert ended["result"]["figures"]["ap50-enhanced-running"] > 0.5
        assert (await service.client.get(f"/v1/training-runs/{run}/sheet.jpg")).status_code == 200
    registry = ModelRegistry(given.registry_url, tmp_path / "keys" / "trust.json")
    (entry,) = registry.candidates.entries()
    assert (entry.kind, entry.manifest.name, len(entry.proposal.checks)) == (ModelKind.DETECTOR, "people", 6)
    opened = open_candidate(registry.candidates.read(entry))
    assert "person" in load_detector(opened.manifest, opened.files).classes
