import threading

import numpy as np
import pytest
from tests.imaging.runtime.conftest import SHARED, as_low_light, photographs

from davy.domain.dials import Dials
from davy.domain.errors import InvalidInputError, ShapeError

TOLERANCE = 2  # of 255: what the runtime may differ from the torch definition


def by_torch(image, still, strength=1.0):
    """The definition: davy.imaging.isp with what the shipped network says to the torch thumbnail."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from davy.imaging.isp.blocks import block_size, block_statistics
    from davy.imaging.isp.pipeline import Parameters, enhance
    from davy.imaging.nets.ispcnn import thumbnail

    with torch.no_grad():
        x = torch.from_numpy(np.ascontiguousarray(image[:, :, ::-1])).permute(2, 0, 1)[None].float() / 255
        blocks = block_statistics(x, block_size(*image.shape[:2]))
        answer = still.network._session.run(None, {still.network._session.get_inputs()[0].name: thumbnail(blocks).numpy()})
        out = enhance(x, Parameters.from_raw(*map(torch.from_numpy, answer)).at_strength(strength), blocks, Dials())
    return (out[0].permute(1, 2, 0).numpy()[:, :, ::-1] * 255).round().astype(np.uint8)


def difference(a, b):
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def noise(height, width, seed=1):
    return np.random.default_rng(seed).integers(0, 90, (height, width, 3), np.uint8)


@pytest.mark.parametrize("number", [0, 150, 250])
def test_it_is_the_torch_definition_on_real_frames(still, number):
    from davy.adapters.media.images import decode

    frames = sorted((SHARED / "data/train/low/underground").glob("*.[jp][pn]g"))
    if len(frames) <= number:
        pytest.skip(f"{SHARED} has no real frames")
    image = decode(frames[number].read_bytes()).pixels
    assert difference(still.enhance(image), by_torch(image, still)) <= TOLERANCE


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
@pytest.mark.parametrize("light", ["lit", "dark", "mine"])
def test_it_is_the_torch_definition_on_photographs(still, name, light):
    image = as_low_light(photographs()[name], light)
    assert difference(still.enhance(image), by_torch(image, still)) <= TOLERANCE


@pytest.mark.parametrize("size", [(16, 16), (16, 200), (200, 16), (17, 31), (101, 67), (255, 513), (480, 641), (721, 1279)])
def test_it_is_the_torch_definition_at_odd_sizes(still, size):
    image = noise(*size)
    assert difference(still.enhance(image), by_torch(image, still)) <= TOLERANCE


@pytest.mark.parametrize("value", [0, 255])
def test_it_is_the_torch_definition_on_black_and_on_white(still, value):
    image = np.full((120, 160, 3), value, np.uint8)
    assert difference(still.enhance(image), by_torch(image, still)) <= TOLERANCE


@pytest.mark.parametrize("strength", [0.25, 0.7])
def test_it_is_the_torch_definition_at_half_strength(still, dark, strength):
    assert difference(still.enhance(dark, strength), by_torch(dark, still, strength)) <= TOLERANCE


@pytest.mark.system
def test_it_is_the_torch_definition_at_4k(still):
    rows = np.linspace(0, 80, 2160)[:, None, None] + np.linspace(0, 20, 3840)[None, :, None] + np.array([0, 4, 9])
    image = rows.astype(np.uint8)
    assert difference(still.enhance(image), by_torch(image, still)) <= TOLERANCE


@pytest.mark.parametrize("folder", ["data/train/low/underground", "data/train/low/openstax", "data/val/lol20/low"])
def test_it_is_the_torch_definition_on_real_low_light(still, folder):
    from davy.adapters.media.images import decode

    paths = sorted((SHARED / folder).glob("*.[jp][pn]g"))[::60] if (SHARED / folder).is_dir() else []
    if not paths:
        pytest.skip(f"{SHARED / folder} is not there")
    for path in paths:
        image = decode(path.read_bytes()).pixels
        assert difference(still.enhance(image), by_torch(image, still)) <= TOLERANCE, path


def test_strength_zero_is_the_identity(still, dark):
    assert np.array_equal(still.enhance(dark, 0), dark)
    assert np.array_equal(still.enhance(photographs()["coffee"], 0), photographs()["coffee"])


def test_strided_views_give_what_their_copies_give(still, dark):
    for view in (dark[::-1], dark[:, ::-1], dark[::2, ::3], dark[:, :, ::-1], dark[5:-7, 3:-4], np.asfortranarray(dark)):
        assert np.array_equal(still.enhance(view), still.enhance(np.ascontiguousarray(view)))


def test_the_input_is_left_alone_and_the_output_is_fresh(still, dark):
    before = dark.copy()
    first, second = still.enhance(dark), still.enhance(dark)
    assert np.array_equal(dark, before)
    assert np.array_equal(first, second) and not np.shares_memory(first, second)
    assert first.flags.c_contiguous and first.dtype == np.uint8 and first.shape == dark.shape


def test_read_only_input_is_enough(still, dark):
    fixed = dark.copy()
    fixed.flags.writeable = False
    still.enhance(fixed)


def test_out_is_filled_and_returned(still, dark):
    out = np.empty_like(dark)
    assert still.enhance(dark, out=out) is out
    assert np.array_equal(out, still.enhance(dark))


def test_out_may_be_half_of_a_wider_picture(still, dark):
    wide = np.zeros((dark.shape[0], 2 * dark.shape[1], 3), np.uint8)
    still.enhance(dark, out=wide[:, dark.shape[1] :])
    assert np.array_equal(wide[:, dark.shape[1] :], still.enhance(dark))
    assert not wide[:, : dark.shape[1]].any()


@pytest.mark.parametrize("shape", [(0, 0, 3), (15, 40, 3), (40, 15, 3), (40, 40), (40, 40, 1), (40, 40, 4), (1, 40, 40, 3)])
def test_other_shapes_are_refused(still, shape):
    with pytest.raises(ShapeError, match="image"):
        still.enhance(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", [np.float32, np.uint16, np.int8, bool])
def test_other_types_are_refused(still, dtype):
    with pytest.raises(ShapeError):
        still.enhance(np.zeros((40, 40, 3), dtype))


@pytest.mark.parametrize("strength", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_strength_outside_zero_to_one_is_refused(still, dark, strength):
    with pytest.raises(InvalidInputError, match="strength"):
        still.enhance(dark, strength)


@pytest.mark.parametrize("shape", [(40, 41, 3), (41, 40, 3), (40, 40, 4)])
def test_an_out_of_another_shape_is_refused(still, shape):
    with pytest.raises(ShapeError, match="out"):
        still.enhance(noise(40, 40), out=np.empty(shape, np.uint8))


def test_threads_with_different_sizes_get_what_they_get_alone(still):
    images = [noise(120, 160, 1), noise(97, 333, 2), noise(16, 16, 3)]
    alone = [still.enhance(image) for image in images]
    wrong: list[int] = []

    def work(index):
        for k in range(25):
            pick = (index + k) % 3  # the sizes change within a thread, too
            if not np.array_equal(still.enhance(images[pick]), alone[pick]):
                wrong.append(pick)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
