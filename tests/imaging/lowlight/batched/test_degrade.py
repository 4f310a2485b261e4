import numpy as np
import pytest
import torch
from skimage import data

from davy.imaging.lowlight import MineRecipe, exposure
from davy.imaging.lowlight import lamp as single
from davy.imaging.lowlight.batched import Recipe, camera, degrade, light
from davy.imaging.lowlight.batched.degrade import DARK, HAZY, IDENTITY, MINE, RAW
from davy.imaging.lowlight.batched.draws import Draws
from davy.imaging.lowlight.batched.recipe import CameraRecipe
from davy.imaging.lowlight.batched.text import burn_in

SHAPE = (96, 128)
QUIET = CameraRecipe(
    wdr_share=0, sharpen_share=0, chroma_share=0, colourless_share=0, codec_share=0, rim_share=0, text_share=0
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def photographs(count=4):
    image = torch.from_numpy(np.ascontiguousarray(data.coffee()[:384:4, :512:4])).permute(2, 0, 1).float() / 255
    return image.expand(count, 3, *SHAPE).contiguous()


def only(kind, **changes):
    """A recipe of one kind of sample."""
    shares = {IDENTITY: (1, 0, 0), HAZY: (0, 1, 0), DARK: (0, 0, 1), MINE: (0, 0, 0)}[kind]
    return Recipe(**dict(zip(("identity_share", "hazy_share", "dark_share"), shares, strict=True)), **changes)


def test_the_same_generator_state_gives_the_same_batch():
    once, again = (degrade(photographs(), Recipe(), generator()) for _ in range(2))
    assert torch.equal(once.low, again.low) and torch.equal(once.ground_truth, again.ground_truth)
    assert not torch.equal(once.low, degrade(photographs(), Recipe(), generator(2)).low)


def test_low_and_truth_lie_on_8_bit_steps_in_their_range():
    made = degrade(photographs(8), Recipe(), generator())
    for planes in (made.low, made.ground_truth):
        assert planes.min() >= 0 and planes.max() <= 1
        assert torch.allclose(planes * 255, (planes * 255).round(), atol=1e-3)


def test_clear_pictures_stay_as_they_are():
    bright = photographs() ** 0.6
    made = degrade(bright, only(IDENTITY, camera=QUIET), generator())
    assert torch.equal(made.low, made.ground_truth)
    assert torch.allclose(made.ground_truth, bright, atol=0.51 / 255)


def test_pictures_that_are_largely_dark_do_not_teach_that_the_dark_is_left_alone():
    assert (degrade(photographs() * 0.3, only(IDENTITY), generator()).kinds == MINE).all()


def test_dark_samples_get_the_mean_that_the_recipe_asks_for():
    made = degrade(photographs(16), only(DARK, camera=QUIET), generator())
    means = made.low.mean((1, 2, 3))
    assert means.max() < 0.2 and means.min() > 0.005


def test_haze_takes_contrast_and_leaves_the_truth_its_own():
    made = degrade(photographs(8) ** 0.6, only(HAZY, camera=QUIET), generator())
    assert (made.low.std((2, 3)).mean(1) < made.ground_truth.std((2, 3)).mean(1)).all()


def test_colourless_cameras_see_and_are_to_give_grey():
    recipe = only(MINE, camera=CameraRecipe(colourless_share=1, text_share=0, codec_share=0))
    made = degrade(photographs(), recipe, generator())
    for planes in (made.low, made.ground_truth):
        assert (planes.amax(1) - planes.amin(1)).max() <= 1 / 255


def test_known_depth_makes_mines_and_raw_scenes_keep_their_light():
    ground_truth, depth = photographs(), torch.full((4, 1, 24, 32), 6.0)
    assert (degrade(ground_truth, Recipe(), generator(), depth=depth).kinds == MINE).all()
    made = degrade(ground_truth, Recipe(camera=QUIET), generator(), raw=ground_truth / 4, exposed=True)
    assert (made.kinds == RAW).all()
    assert torch.allclose(made.low, ground_truth / 4, atol=0.6 / 255)


def test_text_is_the_same_in_picture_and_truth():
    dark, bright = torch.zeros(8, 3, *SHAPE, dtype=torch.float32), torch.ones(8, 3, *SHAPE)
    dark, bright = (torch.nn.functional.pad(planes, (0, 64)) for planes in (dark, bright))
    low, ground_truth = burn_in(dark, bright, 1.0, Draws(8, generator()))
    written = (low != dark).any(1, keepdim=True)
    assert written.any()
    certain = low.amax(1, keepdim=True) > 0.75  # the core of a bright glyph
    assert ((low - ground_truth).abs() * certain).max() < 0.3


def test_a_fisheye_is_black_outside_its_circle():
    circle = camera.rim(SHAPE, CameraRecipe(rim_share=1), Draws(4, generator()))
    assert circle[:, :, 0, 0].max() < 0.01 and circle[:, :, 48, 64].min() > 0.99


def test_a_codec_of_small_steps_changes_little_and_of_large_ones_leaves_blocks():
    image = photographs()
    fine = camera.encode(image, 1.0, CameraRecipe(codec_step=(0.5, 0.51)), Draws(4, generator()))
    coarse = camera.encode(image, 1.0, CameraRecipe(codec_step=(60.0, 60.1)), Draws(4, generator()))
    grey = [planes.mean(1) for planes in (image, fine, coarse)]
    assert (grey[1] - grey[0]).abs().mean() < 2 / 255
    across = (grey[2][:, :, 1:] - grey[2][:, :, :-1]).abs().mean((0, 1))
    borders = across[7::8].mean()
    assert borders > 1.5 * across[torch.arange(len(across)) % 8 != 7].mean()


def test_light_curves_agree_with_the_single_pictures_forward_model():
    display = torch.linspace(0, 1, 256).view(1, 1, 16, 16)
    ours = light.to_linear(display)[0, 0].numpy()
    assert np.abs(ours - exposure.srgb_to_linear(display[0, 0].numpy())).max() < 1e-3
    assert (light.to_display(light.to_linear(display)) - display).abs().max() < 1e-4


def test_exposure_reaches_the_mean():
    wanted = torch.tensor([0.05, 0.2, 0.4, 0.6]).view(4, 1, 1, 1)
    linear = light.to_linear(photographs())
    gain = light.exposure_for_mean(linear, wanted)
    assert (light.to_display(linear * gain).mean((1, 2, 3)) - wanted.flatten()).abs().max() < 0.01


def test_lamps_throw_the_light_that_the_single_pictures_forward_model_throws():
    lamps = light.Lamps(MineRecipe(), 4 / 3, Draws(2, generator()), torch.zeros(2, 1))
    depth = torch.full((2, 1, *SHAPE), 5.0)
    ours = lamps.irradiance(light.unproject(depth), None)
    position, aim = (tuple(x[0, 0].tolist()) for x in (lamps.position, lamps.aim))
    spread, radius = float(lamps.spread[0, 0]), float(lamps.radius[0, 0])
    one = single.Lamp(position, aim, float(lamps.power[0, 0]), 4000.0, spread, radius, visible=True)
    theirs = single.irradiance(one, single.unproject(depth[0, 0].numpy()))
    assert np.allclose(ours[0, 0].numpy(), theirs, rtol=0.02, atol=theirs.max() * 1e-3)
