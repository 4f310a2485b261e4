"""Real dark frames without references, reduced, on the training device."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy.imaging.isp.blocks import BlockStatistics, block_statistics
from davy.imaging.nets.ispcnn import thumbnail
from davy_trainer.data.photographs import find_pictures, read_bgr
from davy_trainer.data.unpaired import checksum_of_files
from davy_trainer.data.unreadable import read_all, report_unreadable

SHAPE = (288, 384)  # px, height and width, as of packed photographs
MAX_DIM_STOPS = 1.5  # in display units; a camera that exposes for its own lamps
BLOCK, THUMB_BLOCK = 4, 2  # px: of the losses, and of the network's input


@dataclass(frozen=True, slots=True)
class RealFrames:
    """Frames in memory.

    Attributes:
        pictures: Bytes, (N, 3, H, W) RGB.
        names: FOLDER/GROUP/FILE.
        checksum: Of the files.
    """

    pictures: Tensor
    names: tuple[str, ...]
    checksum: int

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> "RealFrames":
        """Read every picture below folder; unreadable ones are skipped and reported.

        Raises:
            ConfigError: The folder is missing, or holds no readable picture.
        """
        paths = find_pictures(folder)
        read, unreadable = read_all(paths, _read)
        report_unreadable(unreadable)
        if not read:
            raise ConfigError(f"none of the {len(paths)} pictures in {folder} is readable")
        stacked = torch.from_numpy(np.stack([frame for _, frame in read])).permute(0, 3, 1, 2).contiguous()
        used = [path for path, _ in read]
        names = tuple("/".join(path.resolve().parts[-3:]) for path in used)
        return cls(stacked.to(device), names, checksum_of_files(used))

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, BlockStatistics]:
        """Draw frames, half of the batches mirrored, half of the frames dimmer; return network input and block statistics."""
        indices = torch.from_numpy(rng.integers(len(self.pictures), size=count)).to(self.pictures.device)
        planes = self.pictures[indices].float() / 255
        if rng.random() < 0.5:
            planes = planes.flip(3)
        stops = rng.uniform(0, MAX_DIM_STOPS, count) * (rng.random(count) < 0.5)
        planes = planes * torch.from_numpy(np.exp2(-stops).astype(np.float32)).view(-1, 1, 1, 1).to(planes.device)
        return thumbnail(block_statistics(planes, THUMB_BLOCK)), block_statistics(planes, BLOCK)


def _read(path: Path) -> BgrImage:
    """Read a frame as RGB of SHAPE."""
    height, width = SHAPE
    return np.asarray(cv2.resize(read_bgr(path), (width, height), interpolation=cv2.INTER_AREA)[:, :, ::-1], np.uint8)
