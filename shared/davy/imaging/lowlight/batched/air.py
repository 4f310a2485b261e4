"""The air between lamps, scene and lens, and the glass: dust, glare, condensation; light maps are (B, 3, h, w)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.lowlight.batched import light
from davy.imaging.lowlight.batched.draws import Draws
from davy.imaging.lowlight.batched.recipe import AirRecipe

COAL, STONE = (1.0, 0.85, 0.68), (1.0, 0.98, 0.93)  # colour of scattered light, linear RGB


def clouds(shape: tuple[int, int], strength: float, draws: Draws) -> Tensor:
    """Draw the density of dust over the picture, mean about 1: (B, 1, h, w)."""
    coarse = 1 + strength * draws.normal(draws.count, 1, 4, 6)
    return F.interpolate(coarse, size=shape, mode="bicubic", align_corners=False).clamp(0.2, 2.5)


def dust(recipe: AirRecipe, draws: Draws) -> Tensor:
    """Draw the albedo of the dust per channel, (B, 3, 1, 1): coal is dark and brown, stone light and nearly grey."""
    coal = draws.happens(recipe.coal_share)
    colours = torch.tensor([COAL, STONE], device=draws.device).view(2, 1, 3, 1, 1)
    albedo = coal * draws.uniform(recipe.coal_albedo) + (1 - coal) * draws.uniform(recipe.stone_albedo)
    return albedo * (coal * colours[0] + (1 - coal) * colours[1])


def haze(coarse: Tensor, depth: Tensor, recipe: AirRecipe, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return the factor on the scene's light and the added airlight of evenly lit air. Source: Koschmieder 1924.

    Args:
        coarse: Linear light of the scene, (B, 3, h, w).
        depth: m, (B, 1, h, w).
        recipe: Ranges of extinction and colour.
        draws: Source of every random choice.
    """
    shape = (depth.shape[2], depth.shape[3])
    transmission = torch.exp(-draws.log_uniform(recipe.haze_extinction_per_m) * depth * clouds(shape, recipe.clouds, draws))
    colour = dust(recipe, draws)
    colour = colour / colour.mean(1, keepdim=True)
    airlight = coarse.mean((1, 2, 3), keepdim=True) * draws.uniform(recipe.airlight) * colour
    return transmission.expand_as(coarse), airlight * (1 - transmission)


def glare(coarse: Tensor, factor: Tensor, added: Tensor, recipe: AirRecipe, draws: Draws) -> tuple[Tensor, Tensor]:
    """Scatter a share of all light over the frame, as scratched and dusty glass does; return factor and added light."""
    share = draws.happens(recipe.glare_share) * draws.uniform(recipe.glare)
    total = coarse * factor + added
    scattered = 0.5 * total.mean((2, 3), keepdim=True) + 0.5 * light.smooth(total, 18)
    return factor * (1 - share), added * (1 - share) + scattered * share


def condense(image: Tensor, recipe: AirRecipe, draws: Draws) -> Tensor:
    """Add condensation to a share of samples (B, 3, H, W): blurred, veiled patches."""
    chosen = draws.chosen(recipe.condensation_share)
    if not len(chosen):
        return image
    subset, selected = draws.subset(len(chosen)), image[chosen]
    shape = (image.shape[2], image.shape[3])
    patches = F.interpolate(subset.normal(len(chosen), 1, 4, 5), size=shape, mode="bicubic", align_corners=False)
    cover = torch.sigmoid(4 * patches) * subset.uniform(recipe.condensation)
    blurred = 0.85 * light.smooth(selected, 8) + 0.15 * selected.mean((2, 3), keepdim=True)
    return image.index_copy(0, chosen, selected + cover * (blurred - selected))
