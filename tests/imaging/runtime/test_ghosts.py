"""What settles over time, beside the truth of the simulated mine."""

import numpy as np
import pytest

from davy.imaging.runtime.kernels import FRACTION
from davy.imaging.runtime.picture import bgr_picture
from davy.imaging.runtime.temporal_denoising import TemporalDenoiser
from davy.imaging.runtime.workspace import Workspace
from davy_simulator.world import Mine

SIZE, FPS, FRAMES = (640, 360), 10.0, 30


def blurred(plane):
    """Means over 8 x 8: noise falls to an eighth, a ghost stays."""
    height, width = plane.shape[0] // 8 * 8, plane.shape[1] // 8 * 8
    return plane[:height, :width].reshape(height // 8, 8, width // 8, 8).mean((1, 3))


@pytest.fixture(scope="module", params=["gallery", "face", "conveyor", "junction"])
def places(request):
    """Luma after each frame: as it came, as it settled."""
    mine, denoiser, found = Mine(907, 0), None, []
    space = Workspace(SIZE[1], SIZE[0])
    for index in range(FRAMES):
        picture = bgr_picture(frame := np.ascontiguousarray(mine.render(request.param, 60 + index / FPS, SIZE)))
        denoiser = denoiser or TemporalDenoiser(picture, 0.25)
        space.measure(picture, denoiser.state())
        denoiser.mark_measured()
        settled = np.stack([plane[:, : SIZE[0]] / 2.0**FRACTION for plane in denoiser.levels], -1)
        found.append((frame @ (0.114, 0.587, 0.299), settled @ (0.114, 0.587, 0.299)))
    return found[10:]


def test_noise_falls_where_nothing_moves(places):
    flicker = [np.abs(np.diff([frame[kind] for frame in places], axis=0)).mean() for kind in (0, 1)]
    assert flicker[1] < 0.6 * flicker[0]


def test_a_ghost_is_at_most_a_few_levels(places):
    ghosts = np.array([np.abs(blurred(settled) - blurred(seen)) for seen, settled in places])
    moved = np.abs(np.diff([blurred(seen) for seen, _ in places], axis=0))
    assert moved.max() > 20  # men, belts and lamps pass
    assert ghosts.mean() < 0.8  # which is the noise of the newest frame, for the most part
    assert np.percentile(ghosts, 99.9) < 6
    assert ghosts.max() < 12
