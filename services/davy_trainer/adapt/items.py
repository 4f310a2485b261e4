"""What the adaptation learns from: every sample at the resolution of the network's blocks, with its target."""

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
    """A picture as the low-resolution side of the pipeline knows it: thumb (1, 4, ., .), blocks and target (1, 3, h, w).

    The blocks are those of the camera's full picture, taken as a small picture: noise is seen as the running model sees it.
    """

    thumb: Tensor
    blocks: BlockStatistics
    target: Tensor
    parameters: Parameters | None = None  # the running model's, where they are to be kept

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
    """Outputs (1, 3, h, w) of each, sizes may differ, and the parameters of all."""
    parameters = Parameters.from_raw(*net(torch.cat([item.thumb for item in items])))
    return [enhance(item.blocks.rgb, _one(parameters, k), item.blocks) for k, item in enumerate(items)], parameters


def drifted_items(camera: CameraSamples, start: IspCnn, settings: AdaptSettings, rng: np.random.Generator) -> list[Item]:
    """The newest light with its flat-field target; the earlier light unchanged and darkened."""
    pictures = camera.read(2 * settings.most)
    first = split_by_light(pictures)
    before, now = pictures[:first][-settings.most :], pictures[first:][-settings.most :]
    items = [_evened(picture, picture, start, settings) for picture in (*before, *now)]
    items += [_evened(other, other, start, settings) for other in (_dimmed(p, settings, rng) for p in now)]
    if before:
        ratio = light_ratio(now, before, settings.region)
        fit = [picture for picture in before if picture.shape == before[0].shape]
        for k in range(settings.relit):
            bright = fit[k % len(fit)]
            items.append(_evened(relight(bright, ratio, rng), bright, start, settings))
    return items


def _evened(low: BgrImage, bright: BgrImage, start: IspCnn, settings: AdaptSettings) -> Item:
    """bright: the same view, as bright as it is known, for the target."""
    enhanced, raw = _through(start, bright), picture_item(bright, torch.zeros(0)).blocks.rgb
    even = flat_field_targets(_hwc(enhanced), _hwc(raw), settings.region, settings.level, settings.evening, settings.neutral)
    return picture_item(low, torch.from_numpy(np.ascontiguousarray(even.transpose(2, 0, 1)))[None])


def picture_item(picture: BgrImage, target: Tensor) -> Item:
    """A picture, whole."""
    with torch.no_grad():
        full = block_statistics(to_tensor(picture), block_size(picture.shape[0], picture.shape[1]))
        blocks = BlockStatistics(1, *(part.contiguous() for part in (full.rgb, full.luma, full.luma_squared, full.luma_rgb)))
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
