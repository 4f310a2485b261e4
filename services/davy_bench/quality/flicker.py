"""Flicker of a fixed simulated camera: without lamps near by, with a lamp towards the camera, and with one away from it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage
from davy.imaging.iqa.flicker import fitting_gain
from davy.imaging.iqa.luminance import luma
from davy.imaging.iqa.seeds import check_evaluation_seeds
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy_bench.datasets.simulated import EPOCH_NS, Size
from davy_bench.quality.scores import ProgressCallback
from davy_bench.quality.table import grid
from davy_simulator.miners import cap_lamp, miners_at
from davy_simulator.places import PLACES, Place
from davy_simulator.world import Mine

SEARCH_S = 120.0  # simulated time in which the spans of a place are selected
SEARCH_STEP_S = 0.25
SPAN_S = 8.0
FPS = 10.0
GRID = (16, 9)  # blocks across and down
STEADY_SHARE = 0.25  # share of blocks with the smallest change in the raw video
Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trace:
    """Brightness over time in units of 1/255; raw_blocks and enhanced_blocks have shape (frames, blocks)."""

    times_s: Series
    raw: Series
    enhanced: Series
    raw_blocks: Series
    enhanced_blocks: Series

    @property
    def aligned(self) -> Series:
        """Raw brightness times the gain that fits it best to the enhanced video (least squares)."""
        return self.raw * fitting_gain(self.raw, self.enhanced)

    @property
    def figures(self) -> dict[str, float]:
        """Standard deviations of the mean luma, of its steps between frames, and of the luma in steady blocks.

        raw is gain-aligned; added is the deviation of the difference of the enhanced and the aligned raw video.
        """
        return {
            "raw": float(self.aligned.std()),
            "enhanced": float(self.enhanced.std()),
            "added": float((self.enhanced - self.aligned).std()),
            "raw_steps": float(np.diff(self.aligned).std()),
            "enhanced_steps": float(np.diff(self.enhanced).std()),
            **self._steady(),
        }

    def _steady(self) -> dict[str, float]:
        variation = self.raw_blocks.std(axis=0) / np.maximum(self.raw_blocks.mean(axis=0), 1)
        steady = np.flatnonzero(variation <= np.quantile(variation, STEADY_SHARE))
        raw, enhanced = self.raw_blocks[:, steady], self.enhanced_blocks[:, steady]
        aligned = [raw[:, i] * fitting_gain(raw[:, i], enhanced[:, i]) for i in range(len(steady))]
        return {
            "raw_steady": float(np.mean([series.std() for series in aligned])),
            "enhanced_steady": float(enhanced.std(axis=0).mean()),
        }


def traces(seed: int, size: Size, still: StillEnhancer, progress: ProgressCallback) -> dict[str, Trace]:
    """Record the spans of every place, by "<place>, calm", "<place>, towards" and "<place>, away".

    Raises:
        ConfigError: the seed may be a training seed.
    """
    check_evaluation_seeds((seed,))
    mine = Mine(seed, EPOCH_NS)
    spans = [
        (f"{name}, {kind}", name, start) for name in mine.places for kind, start in select_spans(PLACES[name], seed).items()
    ]
    recorded = {}
    for index, (title, name, start) in enumerate(spans):
        progress(index, len(spans))
        times = start + np.arange(round(SPAN_S * FPS)) / FPS
        recorded[title] = record(times, partial(mine.render, name, size=size), VideoEnhancer(still))
    progress(len(spans), len(spans))
    return recorded


def record(times_s: Series, render: Callable[[float], BgrImage], video: VideoEnhancer) -> Trace:
    """Record the brightness of the frames at these times, raw and enhanced."""
    raw, enhanced = [], []
    for t_s in times_s:
        frame = render(float(t_s))
        raw.append(_brightness(frame))
        enhanced.append(_brightness(video.enhance(frame)))
    raw_blocks, enhanced_blocks = np.array(raw), np.array(enhanced)
    return Trace(times_s, raw_blocks.mean(axis=1), enhanced_blocks.mean(axis=1), raw_blocks, enhanced_blocks)


def select_spans(place: Place, seed: int) -> dict[str, float]:
    """Select the start times of three spans by the cap lamps: farthest, brightest towards the camera, brightest away from it.

    The last two spans are centred on that moment.
    """
    times = np.arange(0, SEARCH_S, SEARCH_STEP_S)
    near, towards, away = np.array([_lamp_levels(place, float(t_s), seed) for t_s in times]).T
    window = round(SPAN_S / SEARCH_STEP_S)
    half = window // 2
    calm = float(times[int(np.convolve(near, np.ones(window), "valid").argmin())])
    return {"calm": calm} | {
        kind: float(times[int(light[half:].argmax()) + half]) - SPAN_S / 2
        for kind, light in (("towards", towards), ("away", away))
    }


def flicker_table(traces: Mapping[str, Trace]) -> list[str]:
    """A Markdown table with a row per span."""
    titles = [
        "place, span", "raw, gain-aligned", "enhanced", "added by Davy", "step, raw", "step, enhanced",
        "steady blocks, raw", "steady blocks, enhanced",
    ]  # fmt: skip
    keys: Sequence[str] = ("raw", "enhanced", "added", "raw_steps", "enhanced_steps", "raw_steady", "enhanced_steady")
    return grid(titles, [[name, *(f"{trace.figures[key]:.3f}" for key in keys)] for name, trace in traces.items()])


def _lamp_levels(place: Place, t_s: float, seed: int) -> tuple[float, float, float]:
    """Relative light of the cap lamps: of all, of those towards the camera, and of those away from it.

    All three decrease with the squared distance.
    """
    near = towards = away = 0.0
    for lamp in (cap_lamp(miner) for miner in miners_at(place, t_s, seed)):
        offset = [place.camera[axis] - lamp.position[axis] for axis in range(3)]
        distance = math.hypot(*offset)
        cosine = sum(lamp.aim[axis] * offset[axis] for axis in range(3)) / distance
        near += 1 / distance**2
        towards += max(cosine, 0.0) ** 3 / distance**2
        away += max(-cosine, 0.0) ** 3 / distance**2
    return near, towards, away


def _brightness(frame: BgrImage) -> Series:
    """Mean luma of the blocks."""
    return np.asarray(cv2.resize(luma(frame), GRID, interpolation=cv2.INTER_AREA), np.float64).ravel()
