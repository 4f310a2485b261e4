import cv2
import numpy as np
import pytest
from skimage import data

from davy.imaging.runtime import StillEnhancer
from davy_bench.methods.methods import select_methods
from davy_bench.quality.scores import score

SIZE = (150, 100)


def photograph(name):
    rgb = getattr(data, name)()
    return cv2.resize(np.ascontiguousarray(rgb[:, :, ::-1]), SIZE, interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="session")
def still():
    return StillEnhancer()


@pytest.fixture
def folders(tmp_path):
    """low/ and high/ with two pairs of 150 x 100: cat and coffee, the low ones an eighth as bright."""
    for name in ("chelsea", "coffee"):
        bright = photograph(name)
        for kind, image in (("low", bright // 8), ("high", bright)):
            (tmp_path / kind).mkdir(exist_ok=True)
            assert cv2.imwrite(str(tmp_path / kind / f"{name}.png"), image)
    return tmp_path / "low", tmp_path / "high"


@pytest.fixture
def scores(folders, still):
    """Of the two pairs, with CLAHE beside Davy."""
    from davy_bench.datasets.cases import paired_cases

    return score("two pairs", paired_cases(*folders), select_methods(["CLAHE"], still), still.model, lambda done, total: None)
