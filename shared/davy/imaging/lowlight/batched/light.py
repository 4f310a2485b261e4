"""Display and linear light, depth, and the light of lamps, for batches (B, ., h, w); units as in lowlight.lamp."""

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.lowlight.batched.draws import Draws
from davy.imaging.lowlight.recipe import MineRecipe

METER_STEPS = 12  # bisection to 1/100 of a stop over +-14 stops
WHITE_K, C2_NM_K, RGB_NM = 6504.0, 1.438777e7, (611.0, 549.0, 464.0)


def to_linear(display: Tensor) -> Tensor:
    """Display-encoded [0, 1] to linear light. Source: IEC 61966-2-1."""
    return torch.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055).clamp_min(1e-6) ** 2.4)


def to_display(light: Tensor) -> Tensor:
    """Linear light to display-encoded [0, 1], clipped as by a full sensor well. Source: IEC 61966-2-1."""
    light = light.clamp(0, 1)
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp_min(1e-6) ** (1 / 2.4) - 0.055)


def exposure_for_mean(light: Tensor, mean: Tensor) -> Tensor:
    """Return the gain per sample that brings the display mean of light (B, C, h, w) to mean (B, 1, 1, 1), by bisection."""
    low, high = torch.full_like(mean, -14.0), torch.full_like(mean, 14.0)
    for _ in range(METER_STEPS):
        middle = (low + high) / 2
        over = to_display(light * torch.exp2(middle)).mean((1, 2, 3), keepdim=True) > mean
        low, high = torch.where(over, low, middle), torch.where(over, middle, high)
    return torch.exp2((low + high) / 2)


def colour_of_temperature(kelvin: Tensor) -> Tensor:
    """Linear RGB of black bodies, green 1, neutral at 6504 K: kelvin (...,) -> (..., 3). Source: Planck's law."""
    wave = torch.tensor(RGB_NM, device=kelvin.device)
    colour = torch.expm1(C2_NM_K / (wave * WHITE_K)) / torch.expm1(C2_NM_K / (wave * kelvin[..., None]))
    return colour / colour[..., 1:2]


def pseudo_depth(grey: Tensor, recipe: MineRecipe, draws: Draws) -> Tensor:
    """Draw a depth in m for photographs (B, 1, h, w): near at the border, far at a vanishing point, nearer if bright."""
    count, _, height, width = grey.shape
    near, far = draws.uniform(recipe.near_m), draws.uniform(recipe.far_m)
    x = torch.linspace(0, 1, width, device=grey.device).view(1, 1, 1, width) - draws.uniform((0.3, 0.7))
    y = torch.linspace(0, 1, height, device=grey.device).view(1, 1, height, 1) - draws.uniform((0.3, 0.6))
    off_axis = torch.maximum(2 * x.abs().expand(-1, -1, height, -1), 2 * y.abs().expand(-1, -1, -1, width)) ** 0.8
    shapes = smooth(grey, 8)
    bumps = F.interpolate(draws.normal(count, 1, 5, 7), size=(height, width), mode="bicubic", align_corners=False)
    nearness = (off_axis + 0.35 * (shapes - shapes.mean((2, 3), keepdim=True)) + 0.12 * bumps).clamp(0.02, 1)
    return 1 / (nearness / near + (1 - nearness) / far)


def smooth(plane: Tensor, factor: int) -> Tensor:
    """Blur widely: means of factor x factor px, interpolated."""
    small = F.avg_pool2d(plane, factor, ceil_mode=True)
    return F.interpolate(small, size=plane.shape[2:], mode="bilinear", align_corners=False)


def unproject(depth: Tensor) -> Tensor:
    """Points (B, 3, h, w) in m of depth (B, 1, h, w); the focal length is the picture's height."""
    height, width = depth.shape[2:]
    x = (torch.arange(width, device=depth.device) + 0.5 - width / 2).view(1, 1, 1, width) / height
    y = (torch.arange(height, device=depth.device) + 0.5 - height / 2).view(1, 1, height, 1) / height
    return torch.cat([x * depth, y * depth, depth], 1)


class Lamps:
    """Up to n lamps per sample, dead ones with power 0; vectors (B, n, 3), the rest (B, n)."""

    def __init__(self, recipe: MineRecipe, aspect: float, draws: Draws, head: Tensor) -> None:
        """Draw lamps; head (B, 1) is 1 if the first lamp is at the camera."""
        count = recipe.lamps[1]
        alive = torch.arange(count, device=draws.device) < draws.uniform((recipe.lamps[0], count + 0.999), 1).floor()
        z = draws.log_uniform(recipe.lamp_m, count)
        across, up = draws.uniform((-0.55, 0.55), count) * aspect, draws.uniform((-0.5, 0.15), count)
        position = torch.stack([across * z, up * z, z], -1)
        aim = torch.stack([torch.zeros_like(z), torch.ones_like(z), draws.uniform((-0.5, 0.5), count)], -1)
        power, radius = 10.0 * z, draws.uniform(recipe.radius_m, count)
        spread = draws.uniform(recipe.flood_exponent, count) * (draws.uniform((0, 1), count) < 0.5)
        first = F.pad(head, (0, count - 1)) > 0  # (B, n)
        zero = torch.zeros_like(z)
        at_camera = torch.stack([draws.uniform((-0.4, 0.4), count), draws.uniform((-0.3, 0.3), count), zero], -1)
        ahead = torch.stack([draws.uniform((-0.3, 0.3), count), draws.uniform((-0.1, 0.45), count), zero + 1], -1)
        self.position = torch.where(first[..., None], at_camera, position)
        self.aim = F.normalize(torch.where(first[..., None], ahead, aim), dim=-1)
        self.spread = torch.where(first, draws.log_uniform(recipe.spot_exponent, count), spread)
        self.radius = torch.where(first, zero + 0.5, radius)
        dimmed = draws.log_uniform(recipe.power_ratio, count)
        dimmed[:, 0] = 1
        self.power = torch.where(first, zero + 30, power) * dimmed * alive
        self.visible = ~first & alive
        self.colour = colour_of_temperature(draws.uniform(recipe.temperature_k, count))
        self.colour[..., 1] *= torch.exp2(draws.uniform(recipe.tint_stops, 1))

    def before_the_wall(self, depth: Tensor) -> None:
        """Move visible lamps that are behind depth (B, 1, h, w) towards the camera."""
        height, width = depth.shape[2:]
        x, y, z = self.position.unbind(-1)
        safe = z.clamp_min(0.1)
        column = (x / safe * height + width / 2).clamp(0, width - 1).long()
        row = (y / safe * height + height / 2).clamp(0, height - 1).long()
        wall = depth.flatten(1).gather(1, row * width + column)
        share = torch.where(self.visible, (0.92 * wall / safe).clamp_max(1), torch.ones_like(z))
        self.position = self.position * share[..., None]
        self.power = self.power * share

    def irradiance(self, points: Tensor, normals: Tensor | None) -> Tensor:
        """Return the light of each lamp on points (B, 3, h, w): (B, n, h, w); normals (B, 3, h, w) add Lambert shading."""
        away = points[:, None] - self.position[..., None, None]  # (B, n, 3, h, w)
        square = away.square().sum(2) + (self.radius**2)[..., None, None]
        inverse = square.rsqrt()
        cosine = ((away * self.aim[..., None, None]).sum(2) * inverse).clamp(1e-4, 1)
        lit = self.power[..., None, None] / square * cosine ** self.spread[..., None, None]
        if normals is None:
            return lit
        facing = (-(away * normals[:, None]).sum(2) * inverse).clamp(0, 1)
        return lit * (0.1 + 0.9 * facing)

    def halo(self, shape: tuple[int, int], extinction: Tensor) -> Tensor:
        """Return each lamp's light that dust scatters into the lens: (B, n, h, w); extinction (B, 1, 1, 1) per m.

        Source: as davy.imaging.lowlight.dust.halo, extinction * power / (4 * distance of the ray).
        """
        height, width = shape
        x, y, z = (axis[..., None, None] for axis in self.position.unbind(-1))
        safe = z.clamp_min(0.1)
        columns = (torch.arange(width, device=x.device) + 0.5 - width / 2).view(1, 1, 1, width) * safe / height - x
        rows = (torch.arange(height, device=x.device) + 0.5 - height / 2).view(1, 1, height, 1) * safe / height - y
        distance = (rows**2 + columns**2 + (self.radius**2)[..., None, None]).sqrt()
        return self.power[..., None, None] * extinction / 4 / distance * (z > 0.1)


def normals_of(points: Tensor) -> Tensor:
    """Unit normals of the surface through points (B, 3, h, w), towards the camera."""
    across, down = torch.gradient(points, dim=3)[0], torch.gradient(points, dim=2)[0]
    cross = F.normalize(torch.linalg.cross(down, across, dim=1), dim=1)
    away = (cross * points).sum(1, keepdim=True) > 0
    return torch.where(away, -cross, cross)


def lamp_discs(lamps: Lamps, shape: tuple[int, int]) -> Tensor:
    """Draw the lamps' bright discs as a plane (B, 1, H, W) in [0, 1]."""
    height, width = shape
    count = len(lamps.power)
    x, y, z = lamps.position.unbind(-1)
    safe = z.clamp_min(0.1)
    centre_x, centre_y = x / safe * height + width / 2, y / safe * height + height / 2
    radius = (lamps.radius / safe * height).clamp(0.7, 14)
    offsets = torch.arange(-24, 25, device=x.device)
    rows, columns = centre_y.floor()[..., None] + offsets, centre_x.floor()[..., None] + offsets  # (B, n, 49)
    square = (rows + 0.5 - centre_y[..., None])[..., :, None] ** 2 + (columns + 0.5 - centre_x[..., None])[..., None, :] ** 2
    value = torch.exp(-((square / radius[..., None, None] ** 2) ** 2)) * lamps.visible[..., None, None]
    inside = ((rows >= 0) & (rows < height))[..., :, None] & ((columns >= 0) & (columns < width))[..., None, :]
    index = (rows.clamp(0, height - 1)[..., :, None] * width + columns.clamp(0, width - 1)[..., None, :]).long()
    plane = torch.zeros(count, height * width, device=x.device)
    plane.scatter_reduce_(1, index.view(count, -1), (value * inside).view(count, -1), "amax")
    return plane.view(count, 1, height, width)
