"""BRISQUE, a score without a reference. Source: Mittal et al. 2012, as OpenCV computes it."""

from functools import cache
from importlib.resources import as_file, files

import cv2

from davy.domain.frame import BgrImage

_FOLDER = files("davy_bench.quality").joinpath("brisque")


def brisque(image: BgrImage) -> float:
    """BRISQUE of a picture (H, W, 3): 0 is natural, 100 distorted."""
    return float(_model().compute(image)[0])


@cache
def _model() -> cv2.quality.QualityBRISQUE:
    with (
        as_file(_FOLDER / "brisque_model_live.yml.gz") as model,
        as_file(_FOLDER / "brisque_range_live.yml.gz") as ranges,
    ):
        return cv2.quality.QualityBRISQUE.create(str(model), str(ranges))
