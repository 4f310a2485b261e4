"""The shipped files."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from tests.imaging.runtime.conftest import photographs

from davy.imaging.iqa import psnr_db
from davy.imaging.runtime import shipped_model

LIMIT_BYTES = 2_000_000


def test_the_shipped_onnx_is_under_two_megabytes():
    assert 10_000 < shipped_model().stat().st_size < LIMIT_BYTES


def test_the_shipped_safetensors_hold_the_weights_of_the_shipped_onnx(still):
    """The same network: the same answer to the same thumbnail."""
    torch = pytest.importorskip("torch")
    from davy.imaging.nets.checkpoint import load_net

    path = Path(str(files("davy.imaging.nets").joinpath("weights", "ispcnn.safetensors")))
    assert path.stat().st_size < LIMIT_BYTES
    net, facts = load_net(path)
    assert facts["command"].startswith("davy train ") and facts["steps"] > 0
    thumb = np.random.default_rng(2).random(still.network.thumb_shape, np.float32) * 0.3
    with torch.no_grad():
        theirs = net(torch.from_numpy(thumb[None]))
    ours = still.network._session.run(
        None, {still.network._session.get_inputs()[0].name: thumb[None]}
    )  # of 0.1.0: no fine map, no strengths against noise
    for our, their in zip(ours, theirs, strict=False):
        assert np.abs(our - their.numpy()[:, : our.shape[1]]).max() < 1e-3
    for ours_alone in (theirs[0][:, ours[0].shape[1] :], *theirs[len(ours) :]):
        assert not ours_alone.any()


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_a_well_lit_photograph_passes_nearly_unchanged(still, name):
    image = photographs()[name]
    assert psnr_db(still.enhance(image), image) >= 25


def test_a_dark_photograph_comes_nearer_to_the_well_lit_one(still, dark):
    truth = photographs()["chelsea"]
    assert psnr_db(still.enhance(dark), truth) > psnr_db(dark, truth) + 4
