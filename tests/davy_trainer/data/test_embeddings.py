import numpy as np
import torch

from davy_trainer.data.embeddings import embed_views, load_or_compute, random_box


def test_each_view_is_embedded_as_the_tower_would_whatever_its_neighbours(random_clip):
    clip, rng = random_clip, np.random.default_rng(0)
    views = [rng.integers(0, 255, (40, 60, 3), dtype=np.uint8), rng.integers(0, 255, (30, 20, 3), dtype=np.uint8)]
    both, alone = embed_views(clip, iter(views)), embed_views(clip, iter(views[1:]))
    assert both.shape[0] == 2 and torch.allclose(both[1], alone[0], atol=1e-5)
    rgb = torch.from_numpy(views[0][:, :, ::-1].copy()).permute(2, 0, 1)[None] / 255
    assert torch.allclose(both[0], clip.encode_image(rgb)[0], atol=1e-5)


def test_a_cache_is_used_for_the_same_facts_only(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"x": torch.tensor([float(len(made))])}

    path = tmp_path / "cache.safetensors"
    assert load_or_compute(path, {"seed": 1}, make)["x"].item() == 1
    assert load_or_compute(path, {"seed": 1}, make)["x"].item() == 1
    assert load_or_compute(path, {"seed": 2}, make)["x"].item() == 2
    path.write_bytes(b"broken")
    assert load_or_compute(path, {"seed": 2}, make)["x"].item() == 3


def test_a_random_box_has_its_least_share_and_stays_inside():
    rng = np.random.default_rng(0)
    for _ in range(100):
        box = random_box(0.6, rng)
        assert box.height >= 0.6 and box.width >= 0.6
        assert box.top >= 0 and box.top + box.height <= 1 and box.left + box.width <= 1
