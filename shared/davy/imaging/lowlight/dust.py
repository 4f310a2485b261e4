"""Coal dust and water mist in the air: extinction of the scene's light, and scattering of lamps into the lens."""

import numpy as np

from davy.imaging.lowlight.exposure import FloatImage
from davy.imaging.lowlight.lamp import Lamp, project


def transmission(depth: FloatImage, extinction_per_m: float) -> FloatImage:
    """Return the share of light that reaches the lens from depth (m): exp(-extinction * depth).

    Source: Beer-Lambert law.
    """
    share: FloatImage = np.exp(np.float32(-extinction_per_m) * depth)
    return share


def halo(lamp: Lamp, shape: tuple[int, int], extinction_per_m: float) -> FloatImage:
    """Return a lamp's light that the dust around it scatters into the lens, shape (H, W).

    A ray that passes the lamp at distance r collects extinction * power * pi / (4 * r) of isotropic single scattering.
    Source: the integral of 1 / (r^2 + s^2) along the ray, times the isotropic phase function 1 / (4 pi).
    """
    x, y, z = lamp.position
    if z <= 0.1:  # behind the lens plane: only the near-field veil, which veil() adds
        return np.zeros(shape, np.float32)
    centre_x, centre_y = project((x, y, z), shape)
    columns = (np.arange(shape[1], dtype=np.float32)[None, :] + 0.5 - centre_x) * np.float32(z / shape[0])
    rows = (np.arange(shape[0], dtype=np.float32)[:, None] + 0.5 - centre_y) * np.float32(z / shape[0])
    distance = np.sqrt(rows**2 + columns**2 + np.float32(lamp.radius_m**2))
    return np.divide(np.float32(lamp.power * extinction_per_m / 4), distance, dtype=np.float32)


def veil(irradiance: FloatImage, transmission: FloatImage) -> FloatImage:
    """Return the airlight of lit dust before the scene: mean irradiance times 1 - transmission."""
    return (1 - transmission) * np.float32(irradiance.mean() * 0.25)  # 1 / 4: isotropic dust of albedo about 1, for one lens
