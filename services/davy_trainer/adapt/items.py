"""Training items of the adaptation: each sample at the resolution of the network's blocks, with its target."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from davy.domain.frame import BgrImage
from davy.imaging.isp.blocks import BlockStatistics, block_size, block_statistics
from davy.imaging.isp.pipeline import Parameters, enhance
from davy.imaging.nets.ispcnn import IspCnn, thumbnail
from davy_trainer.adapt.flat_field import flat_field_targets, light_ratio, relight
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.data.camera_samples import CameraSamples, split_by_light
from davy_trainer.evaluation.validation import to_tensor


@dataclass(frozen=True, slots=True)
class Item:
    """A picture at the low resolution of the pipeline: thumb (1, 4, ., .), blocks and target (1, 3, h, w).

    The blocks are those of the camera's full picture, so noise is that of the running model's input.
    """

    thumb: Tensor
    blocks: BlockStatistics
    target: Tensor
    parameters: Parameters | None = None  # the running model's, to retain

    def to(self, device: torch.device) -> "Item":
        """Return the item on the device; on the same device, it shares its tensors."""
        parameters = self.parameters
        if parameters is not None:
            parameters = Parameters(*(getattr(parameters, field.name).to(device) for field in fields(Parameters)))
        blocks = BlockStatistics(
            self.blocks.block, *(getattr(self.blocks, name).to(device) for name in ("rgb", "luma", "luma_squared", "luma_rgb"))
        )
        return Item(self.thumb.to(device), blocks, self.target.to(device), parameters)


def through_blocks(net: IspCnn, items: Sequence[Item]) -> tuple[list[Tensor], Parameters]:
    """Return the output (1, 3, h, w) of each item, of any sizes, and the parameters of all."""
    parameters = Parameters.from_raw(*net(torch.cat([item.thumb for item in items])))
    return [enhance(item.blocks.rgb, _one(parameters, k), item.blocks) for k, item in enumerate(items)], parameters


def drifted_items(camera: CameraSamples, running: IspCnn, settings: AdaptSettings, rng: np.random.Generator) -> list[Item]:
    """Return items of the newest light with flat-field targets, and of the earlier light, unchanged and darkened."""
    pictures = camera.read(2 * settings.max_samples)
    first = split_by_light(pictures)
    before, now = pictures[:first][-settings.max_samples :], pictures[first:][-settings.max_samples :]
    items = [_flat_field_item(picture, picture, running, settings) for picture in (*before, *now)]
    items += [_flat_field_item(other, other, running, settings) for other in (_dimmed(p, settings, rng) for p in now)]
    if before:
        ratio = light_ratio(now, before, settings.region)
        usable = [picture for picture in before if picture.shape == before[0].shape]
        for k in range(settings.relit):
            bright = usable[k % len(usable)]
            items.append(_flat_field_item(relight(bright, ratio, rng), bright, running, settings))
    return items


def _flat_field_item(low: BgrImage, bright: BgrImage, running: IspCnn, settings: AdaptSettings) -> Item:
    """Return low with a flat-field target that is computed from bright, the brightest picture of the same view."""
    enhanced, raw = _through(running, bright), picture_item(bright, torch.zeros(0)).blocks.rgb
    strengths = settings.brightness_strength, settings.colour_strength
    target = flat_field_targets(_hwc(enhanced), _hwc(raw), settings.region, settings.level, *strengths)
    return picture_item(low, torch.from_numpy(np.ascontiguousarray(target.transpose(2, 0, 1)))[None])


def picture_item(picture: BgrImage, target: Tensor) -> Item:
    """Return the item of a complete picture."""
    with torch.no_grad():
        full = block_statistics(to_tensor(picture), block_size(picture.shape[0], picture.shape[1]))
        blocks = BlockStatistics(
            1, *(planes.contiguous() for planes in (full.rgb, full.luma, full.luma_squared, full.luma_rgb))
        )
        return Item(thumbnail(full), blocks, target)


def _through(net: IspCnn, picture: BgrImage) -> Tensor:
    with torch.no_grad():
        return through_blocks(net, [picture_item(picture, torch.zeros(0))])[0][0]


def _dimmed(picture: BgrImage, settings: AdaptSettings, rng: np.random.Generator) -> BgrImage:
    stops = rng.uniform(-settings.dimmer_stops, settings.dimmer_stops)
    return relight(picture, np.full((1, 1, 3), 2**stops, np.float32), rng)


def _one(parameters: Parameters, index: int) -> Parameters:
    return Parameters(*(getattr(parameters, field.name)[index : index + 1] for field in fields(Parameters)))


def _hwc(image: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ascontiguousarray(image[0].permute(1, 2, 0).numpy(), np.float32)
