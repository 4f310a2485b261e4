"""Degradation of well-lit photographs to mine pictures, which self-supervised training learns to invert."""

import cv2
import numpy as np

from davy.domain.errors import ShapeError
from davy.imaging.lowlight import codec, dust, exposure, lamp, scene, sensor
from davy.imaging.lowlight.exposure import FloatImage
from davy.imaging.lowlight.recipe import ROADWAY, DarkRecipe, MineRecipe
from davy.imaging.lowlight.scene import log_uniform, uniform

COARSE = 4  # light maps are computed at a quarter of the size: they are smooth, and this takes a sixteenth of the time
MINE = MineRecipe()
DARK = DarkRecipe()


def relight_as_mine(
    image: FloatImage, rng: np.random.Generator, recipe: MineRecipe | None = None, depth: FloatImage | None = None
) -> FloatImage:
    """Relight a photograph by one to three lamps underground, as a mine camera captures it.

    Args:
        image: Display-encoded RGB, shape (H, W, 3), float32 in [0, 1], H and W at least 16.
        rng: Makes every random choice: the same state gives the same picture.
        recipe: Default MINE, or ROADWAY if depth is known.
        depth: (H, W), m along the optical axis. Lamps are before the walls, and surfaces that face away from them are
            darker. None draws the depth of a roadway, see scene.pseudo_depth.

    Returns:
        Shape and dtype of image, in [0, 1] and on 8-bit steps.

    Raises:
        ShapeError: The image is not (H, W, 3) or smaller than 16 px, or depth has another size.
    """
    _check(image)
    recipe = recipe or (MINE if depth is None else ROADWAY)
    shape = (image.shape[0], image.shape[1])
    if depth is not None and depth.shape != shape:
        raise ShapeError("depth", depth.shape, str(shape))
    albedo = exposure.srgb_to_linear(image)
    coarse = cv2.resize(albedo, (max(shape[1] // COARSE, 4), max(shape[0] // COARSE, 4)), interpolation=cv2.INTER_AREA)
    light, air, lamps = _light_maps(coarse, recipe, rng, depth)
    gain = exposure.exposure_for_mean((coarse * light + air)[::2, ::2], uniform(rng, recipe.display_mean))
    radiance = albedo * exposure.enlarge(light * np.float32(gain), shape)
    radiance += exposure.enlarge(air * np.float32(gain), shape)
    for source in lamps:
        if source.visible:
            radiance += (
                lamp.lamp_disc(source, shape)[:, :, None] * lamp.colour_of_temperature(source.temperature_k) * np.float32(1.6)
            )
    return _photograph(radiance, recipe, rng, use_jpeg=True)


def darken(image: FloatImage, rng: np.random.Generator, recipe: DarkRecipe = DARK) -> FloatImage:
    """Darken a photograph evenly: short exposure, colour cast, faded colour, strong noise.

    Arguments, result and errors are those of relight_as_mine.
    """
    _check(image)
    shape = (image.shape[0], image.shape[1])
    light = exposure.srgb_to_linear(cv2.pow(np.clip(image, 0, 1), uniform(rng, recipe.gamma)))
    cast = np.exp2(rng.uniform(*recipe.cast_stops, size=3)).astype(np.float32)
    saturation = np.float32(uniform(rng, recipe.saturation))
    light = (light * saturation + light.mean(axis=2, keepdims=True) * (1 - saturation)) * cast
    light *= exposure.vignette(shape, uniform(rng, recipe.vignette))[:, :, None]
    gain = exposure.exposure_for_mean(light[:: 2 * COARSE, :: 2 * COARSE], log_uniform(rng, recipe.display_mean))
    return _photograph(light * np.float32(gain), recipe, rng, use_jpeg=bool(rng.random() < recipe.jpeg_share))


def _light_maps(
    coarse: FloatImage, recipe: MineRecipe, rng: np.random.Generator, known: FloatImage | None
) -> tuple[FloatImage, FloatImage, list[lamp.Lamp]]:
    """Return the factor on albedo and the airlight, both (h, w, 3), and the lamps, for coarse albedo (h, w, 3)."""
    shape = (coarse.shape[0], coarse.shape[1])
    if known is None:
        depth = scene.pseudo_depth(exposure.linear_to_srgb(coarse.mean(axis=2)), recipe, rng)
    else:
        depth = cv2.resize(known, shape[::-1], interpolation=cv2.INTER_AREA)
    points = lamp.unproject(depth)
    normals = None if known is None else lamp.normals(points)
    extinction = log_uniform(rng, recipe.extinction_per_m)
    transmission = dust.transmission(depth, extinction)
    lamps = scene.draw_lamps(recipe, shape[1] / shape[0], rng)
    if known is not None:
        lamps = [lamp.before_the_wall(source, depth) for source in lamps]
    tint = np.array([1, 2 ** uniform(rng, recipe.tint_stops), 1], np.float32)
    light, air = np.zeros((*shape, 3), np.float32), np.zeros((*shape, 3), np.float32)
    for source in lamps:
        colour = lamp.colour_of_temperature(source.temperature_k) * tint
        lit = lamp.irradiance(source, points)
        light += (lit if normals is None else lit * lamp.facing(source, points, normals))[:, :, None] * colour
        air += (dust.veil(lit, transmission) + dust.halo(source, shape, extinction))[:, :, None] * colour
    light += light.mean(axis=(0, 1)) * np.float32(log_uniform(rng, recipe.ambient))
    shading = exposure.vignette(shape, uniform(rng, recipe.vignette))[:, :, None]
    return light * transmission[:, :, None] * shading, air * shading, lamps


def _photograph(light: FloatImage, recipe: MineRecipe | DarkRecipe, rng: np.random.Generator, use_jpeg: bool) -> FloatImage:
    """Pass exposed linear light (H, W, 3) through sensor, tone curve and encoder."""
    camera = sensor.Sensor(
        full_well_e=log_uniform(rng, recipe.full_well_e),
        read_noise=log_uniform(rng, recipe.read_noise),
        row_noise=uniform(rng, recipe.row_noise),
        black_offset=uniform(rng, recipe.black_offset),
        hot_share=uniform(rng, recipe.hot_share),
        grain_px=uniform(rng, recipe.grain_px),
    )
    display = exposure.linear_to_srgb(sensor.expose(light, camera, rng))
    if use_jpeg:
        return codec.jpeg(display, int(rng.integers(recipe.jpeg_quality[0], recipe.jpeg_quality[1] + 1)))
    return codec.quantise(display)


def _check(image: FloatImage) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 16:
        raise ShapeError("image", image.shape, "(H >= 16, W >= 16, 3)")
