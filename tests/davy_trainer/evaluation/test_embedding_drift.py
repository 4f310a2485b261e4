import pytest
import torch
from torch.nn.functional import normalize

from davy.domain.errors import ConfigError, ModelError
from davy_trainer.evaluation.embedding_drift import (
    REFERENCE,
    clusters,
    embedding_drift,
    fit_reference,
    load_reference,
    save_reference,
)
from davy_trainer.runs.weights import shipped_weights


def around(direction, count, spread=0.1, seed=0):
    torch.manual_seed(seed)
    centre = torch.zeros(32)
    centre[direction] = 1
    return normalize(centre + spread * torch.randn(count, 32), dim=1)


@pytest.fixture
def reference():
    return fit_reference([around(0, 60, seed=1), around(1, 60, seed=2)], "davy")


def test_more_of_what_was_trained_on_is_ordinary(reference):
    assert embedding_drift(around(0, 9, seed=3), reference) < 0.5
    assert embedding_drift(around(1, 9, seed=4), reference) < 0.5


def test_another_place_is_a_clear_change(reference):
    assert embedding_drift(around(7, 9, seed=5), reference) > 1


def test_between_two_places_is_neither(reference):
    between = normalize(around(0, 9, seed=6) + around(1, 9, seed=7), dim=1)
    assert embedding_drift(between, reference) > 1


def test_of_few_pictures_what_is_usual_is_known_too():
    reference = fit_reference([around(0, 4, seed=1), around(1, 4, seed=2)], "davy")
    assert embedding_drift(around(0, 5, seed=3), reference) < 1 < embedding_drift(around(7, 5, seed=3), reference)


def test_one_picture_a_camera_is_too_few():
    with pytest.raises(ConfigError, match="at least one camera needs two"):
        fit_reference([around(0, 1), around(1, 1)], "davy")


def test_it_is_kept_in_a_few_kilobytes(reference, tmp_path):
    path = tmp_path / "embeddings.safetensors"
    save_reference(path, reference)
    assert path.stat().st_size < 10_000
    seen = around(0, 3, seed=8)
    assert embedding_drift(seen, load_reference(path)) == pytest.approx(embedding_drift(seen, reference), abs=0.02)


def test_another_file_is_no_reference(tmp_path):
    from davy.imaging.nets.checkpoint import save_net
    from davy.imaging.nets.ispcnn import IspCnn

    save_net(tmp_path / "net.safetensors", IspCnn(8), {})
    with pytest.raises(ModelError, match="no reference of embeddings"):
        load_reference(tmp_path / "net.safetensors")


def test_clusters_find_the_groups():
    seen = torch.cat([around(0, 20, seed=1), around(1, 20, seed=2)])
    assert sum(map(len, clusters(seen, 2, seed=1))) == 40


def test_the_shipped_reference_is_of_the_shipped_clip():
    found = load_reference(shipped_weights().with_name(REFERENCE))
    assert found.clip == "davy" and found.means.shape[1] == 256


def test_a_camera_that_shows_one_picture_only_has_a_drift(tmp_path):
    seen = around(0, 1).expand(3, -1)
    save_reference(tmp_path / "embeddings.safetensors", fit_reference([seen], "davy"))
    reference = load_reference(tmp_path / "embeddings.safetensors")
    assert embedding_drift(seen, reference) < 1 < embedding_drift(around(7, 3), reference)
