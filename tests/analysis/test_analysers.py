from pathlib import Path

import cv2
import numpy as np
import pytest

from davy.analysis.base import Picture
from davy.analysis.illumination import Illumination
from davy.analysis.lens import Lens
from davy.analysis.motion import Motion
from davy.analysis.people import People
from davy.imaging.detect import shipped_detector

UNDERGROUND = Path(__file__).parents[3] / "shared/data/train/low/underground"


def scene(at=0.5, light=1.0, noise=2.0, seed=0):
    """Textured rock under one lamp, with a bright block whose centre is at `at` of the width."""
    rng = np.random.default_rng(5)
    rock = cv2.resize(rng.uniform(60, 160, (36, 64)).astype(np.float32), (640, 360), interpolation=cv2.INTER_CUBIC)
    rock = rock + 25 * (np.indices((360, 640)).sum(0) // 6 % 2)
    rock *= np.linspace(0.4, 1, 640)[None]
    rock[120:240, max(0, int(at * 640) - 40) : int(at * 640) + 40] = 230
    rock = rock * light + np.random.default_rng(seed).normal(0, noise, rock.shape)
    return Picture(np.repeat(rock.clip(0, 255).astype(np.uint8)[:, :, None], 3, 2), 0)


def kinds(observations):
    return {each.kind for each in observations if each.active}


def observe(analyser, pictures):
    return [kinds(analyser.analyse(each)) for each in pictures]


def test_a_thing_that_moves_is_motion():
    observed = observe(Motion(), [scene(0.2)] * 3 + [scene(0.2 + n / 10) for n in range(6)])
    assert observed[:3] == [set()] * 3
    assert all(each == {"motion"} for each in observed[4:])


def test_noise_and_a_flickering_lamp_are_no_motion():
    pictures = [scene(light=1.0 if n % 3 else 0.75, noise=8, seed=n) for n in range(20)]
    assert observe(Motion(), pictures) == [set()] * 20


def test_a_lamp_that_fails_is_a_change_of_light_and_noise_is_none():
    analyser = Illumination()
    assert observe(analyser, [scene(seed=n) for n in range(20)]) == [set()] * 20
    assert {"illumination-change"} in observe(analyser, [scene(light=0.4, seed=n) for n in range(6)])


def test_even_light_is_uniform_and_a_spot_is_not():
    even = Picture(np.full((90, 160, 3), 120, np.uint8), 0)
    spot = Picture(cv2.circle(np.full((90, 160, 3), 8, np.uint8), (80, 45), 20, (250, 250, 250), -1), 0)
    (bright, _), (uneven, _) = Illumination().analyse(even), Illumination().analyse(spot)
    assert bright.figures["uniformity"] > 0.99
    assert uneven.figures["uniformity"] < 0.01


@pytest.mark.parametrize("level", [4, 60, 128])
def test_a_covered_lens_is_blocked_however_its_noise_is_amplified(level):
    noise = np.random.default_rng(0).normal(level, 25, (360, 640, 3)).clip(0, 255).astype(np.uint8)
    assert kinds(Lens().analyse(Picture(noise, 0))) == {"lens-blocked"}


def test_a_dirty_lens_is_distinguished_from_a_clean_one():
    analyser = Lens()
    assert observe(analyser, [scene(seed=n) for n in range(30)]) == [set()] * 30
    dirty = [Picture(cv2.GaussianBlur(scene(seed=n).bgr, (0, 0), 14), 0) for n in range(3)]
    assert observe(analyser, dirty) == [{"lens-dirty"}] * 3


def test_rock_is_no_person():
    assert not any(each.active for each in People(shipped_detector(), 1).analyse(scene()))


def test_a_man_in_a_real_gallery_is_a_person():
    path = UNDERGROUND / "helmet__vypustek33-0019.jpg"
    if not path.exists():
        pytest.skip("needs ../shared/data/train/low/underground")
    image = cv2.resize(cv2.imread(str(path)), (640, 360), interpolation=cv2.INTER_AREA)
    lifted = (255 * (np.arange(256) / 255) ** 0.5).astype(np.uint8)[image]
    made = People(shipped_detector(), 1)
    for captured_ns in (0, 500_000_000):
        found = made.analyse(Picture(lifted, captured_ns))
    assert kinds(found) == {"person"} and found[0].marks


@pytest.mark.parametrize("analyser", [Motion, Illumination, Lens, lambda: People(shipped_detector(), 1)])
@pytest.mark.parametrize("size", [(16, 16), (1, 1), (2000, 20), (20, 2000), (160, 96), (129, 65)])
def test_every_analyser_takes_any_size(analyser, size):
    made = analyser()
    for shade in (0, 255):
        for observation in made.analyse(Picture(np.full((*size, 3), shade, np.uint8), 0)):
            assert all(np.isfinite(list(observation.figures.values())))
