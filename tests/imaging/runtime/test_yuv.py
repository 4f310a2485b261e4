"""YUV 4:2:0 in and out: what the definition makes of the picture if every pixel has the chroma of its 2 x 2."""

import numpy as np
import pytest
from tests.imaging.runtime.conftest import SHARED, as_low_light, photographs

from davy.domain.dials import Dials
from davy.domain.frame import YuvImage
from davy.imaging.runtime import VideoEnhancer

TOLERANCE = 3  # of 255


def as_yuv(image, full_range=True):
    """BGR to planes, as a camera has them."""
    b, g, r = (image[:, :, channel].astype(np.float32) for channel in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    planes = [y, halved((b - y) / 1.772), halved((r - y) / 1.402)]
    return coded(planes, full_range)


def coded(planes, full_range):
    scales = (1, 1, 1) if full_range else (219 / 255, 224 / 255, 224 / 255)
    zeros = (0 if full_range else 16, 128, 128)
    return YuvImage(
        *(np.clip(np.rint(p * s + z), 0, 255).astype(np.uint8) for p, s, z in zip(planes, scales, zeros, strict=True)),
        full_range,
    )


def halved(plane):
    height, width = plane.shape
    padded = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    return padded.reshape(-(-height // 2), 2, -(-width // 2), 2).mean((1, 3))


def by_torch(image, still, strength=1.0):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from davy.imaging.isp.blocks import block_size, block_statistics
    from davy.imaging.isp.pipeline import Parameters, enhance
    from davy.imaging.nets.ispcnn import thumbnail

    height, width = image.y.shape
    zero, y_scale, scale = (0, 1, 1) if image.full_range else (16, 255 / 219, 255 / 224)
    y = (image.y.astype(np.float32) - zero) * y_scale
    u, v = (((p.astype(np.float32) - 128) * scale).repeat(2, 0).repeat(2, 1)[:height, :width] for p in (image.u, image.v))
    rgb = np.clip(np.stack([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u]), 0, 255) / 255
    with torch.no_grad():
        x = torch.from_numpy(rgb[None].astype(np.float32))
        blocks = block_statistics(x, block_size(height, width))
        answer = still.network._session.run(None, {still.network._session.get_inputs()[0].name: thumbnail(blocks).numpy()})
        parameters = Parameters.from_raw(*map(torch.from_numpy, answer)).at_strength(strength)
        out = enhance(x, parameters, blocks, Dials())[0].numpy() * 255
    luma = 0.299 * out[0] + 0.587 * out[1] + 0.114 * out[2]
    return coded([luma, halved((out[2] - luma) / 1.772), halved((out[0] - luma) / 1.402)], image.full_range)


def difference(a, b):
    return max(int(np.abs(getattr(a, p).astype(int) - getattr(b, p)).max()) for p in "yuv")


@pytest.mark.parametrize("full_range", [True, False], ids=["full", "limited"])
@pytest.mark.parametrize("light", ["lit", "dark", "mine"])
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee"])
def test_it_is_the_definition_on_photographs(still, name, light, full_range):
    image = as_yuv(as_low_light(photographs()[name], light), full_range)
    assert difference(still.enhance_yuv(image), by_torch(image, still)) <= TOLERANCE


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (101, 67), (255, 513), (481, 641), (721, 1279), (1080, 333)])
def test_it_is_the_definition_at_odd_sizes(still, size):
    noise = np.random.default_rng(1).integers(0, 90, (*size, 3), np.uint8)
    image = as_yuv(noise)
    assert difference(still.enhance_yuv(image), by_torch(image, still)) <= TOLERANCE


def test_it_is_the_definition_where_chroma_leaves_what_rgb_can_show(still):
    rng = np.random.default_rng(2)
    image = YuvImage(*(rng.integers(0, 256, shape, np.uint8) for shape in ((96, 128), (48, 64), (48, 64))))
    assert difference(still.enhance_yuv(image), by_torch(image, still)) <= TOLERANCE


@pytest.mark.parametrize("strength", [1.0, 0.4])
@pytest.mark.parametrize("light", ["dark", "mine"])
def test_fine_maps_and_strengths_against_noise_are_those_of_the_definition(runtime, light, strength):
    image = as_yuv(as_low_light(photographs()["coffee"], light))
    assert difference(runtime.enhance_yuv(image, strength), by_torch(image, runtime, strength)) <= TOLERANCE


@pytest.mark.parametrize("folder", ["data/train/low/underground", "data/train/low/openstax", "data/val/lol20/low"])
def test_it_is_the_definition_on_real_low_light(still, folder):
    from davy.adapters.media.images import decode

    paths = sorted((SHARED / folder).glob("*.[jp][pn]g"))[::60] if (SHARED / folder).is_dir() else []
    if not paths:
        pytest.skip(f"{SHARED / folder} is not there")
    for path in paths:
        image = as_yuv(decode(path.read_bytes()).pixels)
        assert difference(still.enhance_yuv(image), by_torch(image, still)) <= TOLERANCE, path


def test_it_is_what_bgr_would_be(still, dark):
    flat = as_yuv(dark)
    wide = YuvImage(flat.y, np.full_like(flat.u, 128), np.full_like(flat.v, 128))  # grey: no rounding between them
    grey = np.repeat(flat.y[:, :, None], 3, 2)
    assert difference(still.enhance_yuv(wide), as_yuv(still.enhance(grey))) <= 1


@pytest.mark.parametrize("full_range", [True, False], ids=["full", "limited"])
def test_strength_zero_is_the_identity(still, dark, full_range):
    image = as_yuv(photographs()["coffee"], full_range)
    for enhancer in (still, VideoEnhancer(still)):
        same = enhancer.enhance_yuv(image, 0)
        assert difference(same, image) == 0
        assert not np.shares_memory(same.y, image.y)


def test_views_give_what_their_copies_give(still, dark):
    image = as_yuv(dark)
    for view in (np.s_[::-1], np.s_[:, ::-1]):
        flipped = YuvImage(image.y[:300, :450][view], image.u[:150, :225][view], image.v[:150, :225][view])
        copies = YuvImage(*(np.ascontiguousarray(plane) for plane in (flipped.y, flipped.u, flipped.v)))
        assert difference(still.enhance_yuv(flipped), still.enhance_yuv(copies)) == 0


def test_out_is_filled_and_may_have_longer_rows(still, dark):
    image = as_yuv(dark)
    height, width = image.y.shape
    y, u, v = np.zeros((height, width + 9), np.uint8), np.zeros((150, 300), np.uint8), np.zeros((150, 300), np.uint8)
    half = (width + 1) // 2
    out = YuvImage(y[:, :width], u[:, :half], v[:, :half])
    assert still.enhance_yuv(image, out=out) is out
    assert difference(out, still.enhance_yuv(image)) == 0
    assert not y[:, width:].any() and not u[:, half:].any() and not v[:, half:].any()


def test_video_begins_with_what_a_still_is_and_settles(still):
    base = as_low_light(photographs()["chelsea"], "mine").astype(np.float32)
    rng = np.random.default_rng(3)
    frames = [as_yuv(np.clip(base + rng.normal(0, 4, base.shape), 0, 255)) for _ in range(30)]
    video = VideoEnhancer(still)
    shown = [video.enhance_yuv(frame) for frame in frames]
    assert difference(shown[0], still.enhance_yuv(frames[0])) <= 1
    noise = [np.std(a.y.astype(float) - b.y) for a, b in ((shown[1], shown[0]), (shown[-1], shown[-2]))]
    assert noise[1] < 0.7 * noise[0]
