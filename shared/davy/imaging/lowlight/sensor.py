"""A camera's sensor at high gain: shot and read noise, row banding, a purple floor in the dark, hot pixels."""

from dataclasses import dataclass

import cv2
import numpy as np

from davy.imaging.lowlight.exposure import FloatImage

PURPLE = (1.0, 0.35, 1.25)  # black-level error of red, green, blue: white-balance gains amplify red and blue most
GAINS = (1.5, 1.0, 1.7)  # the same gains, for the standard deviation


@dataclass(frozen=True, slots=True)
class Sensor:
    """One exposure's noise, in units of linear white unless stated otherwise.

    Args:
        full_well_e: Electrons at white after gain; the variance of shot noise is light / full_well_e.
        read_noise: Standard deviation of the read-out.
        row_noise: Standard deviation of the row offsets.
        black_offset: Black-level error, purple after white balance.
        hot_share: Share of hot pixels.
        grain_px: Standard deviation of the noise's blur by demosaicing, in pixels; 0 is white noise.
    """

    full_well_e: float
    read_noise: float
    row_noise: float
    black_offset: float
    hot_share: float
    grain_px: float


def expose(light: FloatImage, sensor: Sensor, rng: np.random.Generator) -> FloatImage:
    """Return the sensor's reading of linear light (H, W, 3): noisy linear light, not clipped.

    Source: Foi et al. 2008, "Practical Poissonian-Gaussian noise modeling": variance = light / full_well + read**2.
    """
    height, width = light.shape[:2]
    gains = np.array(GAINS, np.float32)
    signal = light + np.array(PURPLE, np.float32) * np.float32(sensor.black_offset)
    deviation = np.maximum(signal, 0)  # in place from here: allocation takes longer than the arithmetic
    deviation *= np.float32(1 / sensor.full_well_e)
    deviation += np.float32(sensor.read_noise**2)
    np.sqrt(deviation, out=deviation)
    deviation *= _grain((height, width), sensor.grain_px, rng)
    deviation += rng.normal(0, sensor.row_noise, (height, 1, 1)).astype(np.float32)
    deviation *= gains
    signal += deviation
    _add_hot_pixels(signal, sensor.hot_share, rng)
    return signal


def _grain(shape: tuple[int, int], blur_px: float, rng: np.random.Generator) -> FloatImage:
    """Draw unit-variance Gaussian noise (H, W, 3), spatially correlated by a blur."""
    noise = rng.standard_normal((*shape, 3), dtype=np.float32)
    if blur_px < 0.2:  # a smaller blur has no effect on the pixel grid
        return noise
    kernel = cv2.getGaussianKernel(5, blur_px, cv2.CV_32F)
    kernel /= np.sqrt(np.square(kernel).sum())  # keeps the variance
    smooth: FloatImage = cv2.sepFilter2D(noise, -1, kernel, kernel)
    return smooth


def _add_hot_pixels(signal: FloatImage, share: float, rng: np.random.Generator) -> None:
    height, width = signal.shape[:2]
    count = rng.poisson(share * height * width)
    rows, columns = rng.integers(0, height, count), rng.integers(0, width, count)
    signal[rows, columns] += rng.exponential(0.05, (count, 3)).astype(np.float32)
