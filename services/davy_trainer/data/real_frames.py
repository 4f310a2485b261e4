"""Real dark frames without references, small and on the training's device."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from davy.imaging.isp.blocks import BlockStatistics, block_statistics
from davy.imaging.nets.ispcnn import thumbnail
from davy_trainer.data.photographs import find_pictures, read_bgr
from davy_trainer.data.unpaired import checksum_of_files

SHAPE = (288, 384)  # px, height and width: as the packed photographs have it
BLOCK, THUMB_BLOCK = 4, 2  # px: of the losses, and of what the network sees


@dataclass(frozen=True, slots=True)
class RealFrames:
    """pictures: bytes, (N, 3, H, W) RGB. names: FOLDER/GROUP/FILE. checksum: of the files."""

    pictures: Tensor
    names: tuple[str, ...]
    checksum: int

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> "RealFrames":
        """Read every picture below folder.

        Raises:
            ConfigError: it is missing or empty.
            UnreadableImageError: a picture is broken.
        """
        paths = find_pictures(folder)
        height, width = SHAPE
        small = [cv2.resize(read_bgr(path), (width, height), interpolation=cv2.INTER_AREA)[:, :, ::-1] for path in paths]
        stacked = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).contiguous()
        names = tuple("/".join(path.resolve().parts[-3:]) for path in paths)
        return cls(stacked.to(device), names, checksum_of_files(paths))

    def drawn(self, count: int, rng: np.random.Generator) -> tuple[Tensor, BlockStatistics]:
        """The network's input and the block statistics of so many frames, some of them mirrored."""
        indices = torch.from_numpy(rng.integers(len(self.pictures), size=count)).to(self.pictures.device)
        planes = self.pictures[indices].float() / 255
        if rng.random() < 0.5:
            planes = planes.flip(3)
        return thumbnail(block_statistics(planes, THUMB_BLOCK)), block_statistics(planes, BLOCK)
