import cv2
import numpy as np
import pytest
import torch
from skimage import data

from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

TINY = {"device": "cpu", "crop_width": 64, "crop_height": 32, "batch": 2, "width": 8, "warmup_steps": 2, "short_side": 96}


@pytest.fixture(scope="session")
def random_clip():
    """A CLIP that knows nothing: loaded once, it is frozen."""
    from davy.imaging.clip import load_clip

    torch.set_num_threads(1)
    return load_clip("davy:random:1")


@pytest.fixture
def folder(tmp_path):
    """Well-lit photographs: cats/ with two, coffee/ with one."""
    root = tmp_path / "photographs"
    for name, image in (
        ("cats/a.png", data.chelsea()),
        ("cats/b.png", data.chelsea()[:, ::-1]),
        ("coffee/c.jpg", data.coffee()),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        small = cv2.resize(np.ascontiguousarray(image[:, :, ::-1]), (150, 100), interpolation=cv2.INTER_AREA)
        assert cv2.imwrite(str(path), small)
    return root


@pytest.fixture
def settings(folder):
    def make(**changes):
        return SelfSupervisedSettings(**{"data": (folder,), "steps": 3, **TINY, **changes})

    return make


@pytest.fixture
def groups(settings):
    from davy_trainer.data.photographs import load_groups

    return load_groups(settings(), lambda done, total: None)


@pytest.fixture
def pairs_folder(tmp_path, folder):
    """low/ and high/ with two pairs of 150 x 100."""
    for source in ("cats/a.png", "cats/b.png"):
        image = cv2.imread(str(folder / source))
        for kind, pixels in (("low", image // 8), ("high", image)):
            (tmp_path / "pairs" / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "pairs" / kind / f"{source[-5]}.png"), pixels)
    return tmp_path / "pairs"
