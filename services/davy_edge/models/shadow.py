"""A model against the one it shall replace, on this edge's own frames: as a shadow before the swap, on probation after it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from davy.domain.errors import ModelRefusedError
from davy.imaging.runtime import StillEnhancer
from davy.models.gates import figures_of, judge
from davy.twin.model import Trial
from davy_edge.models.active_model import ShadowComparison, Stage

SHADOW_PER_S, PROBATION_PER_S = 6.0, 3.0
LOOK_EVERY_S = 0.2
SAY_EVERY_S = 2.0
ENOUGH = 10  # pairs after which a gate that does not hold is believed
FEW = 3  # pairs below which the end of a probation judges nothing

Tell = Callable[[Mapping[str, float]], None]


async def shadow(stage: Stage, new: StillEnhancer, trial: Trial, tell: Tell) -> dict[str, float]:
    """Show `trial.shadow_frames` frames to both; only the old one's are emitted. Returns the gate figures.

    Raises:
        ModelRefusedError: a gate does not hold, or no frames came.
    """
    ends_s, said_s = time.monotonic() + trial.shadow_timeout_s, 0.0
    async with _duel(stage, stage.still, new, SHADOW_PER_S) as duel:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            figures = _look(duel, trial, min(ENOUGH, trial.shadow_frames), "gate")
            if figures["frames"] >= trial.shadow_frames:
                return figures
            if time.monotonic() > ends_s:
                seen = f"{figures['frames']:g} of {trial.shadow_frames} frames"
                raise ModelRefusedError("gate:frames", f"{seen} came within {trial.shadow_timeout_s:g} s")
            said_s = _say(tell, figures, said_s)


async def probation(stage: Stage, old: StillEnhancer, trial: Trial, tell: Tell) -> dict[str, float]:
    """Watch the model that is on stage, with the old one beside it, for `trial.probation_s`. Returns the gate figures.

    Raises:
        ModelRefusedError: a gate does not hold, or it failed on a frame.
    """
    ends_s, said_s = time.monotonic() + trial.probation_s, 0.0
    async with _duel(stage, old, stage.still, PROBATION_PER_S) as duel:
        while time.monotonic() < ends_s:
            await asyncio.sleep(LOOK_EVERY_S)
            if stage.errors and trial.gates.errors_most == 0:
                raise ModelRefusedError("probation:errors", f"it failed on {stage.errors} live frames")
            figures = _look(duel, trial, ENOUGH, "probation")
            said_s = _say(tell, figures, said_s)
        return _look(duel, trial, FEW, "probation")


def _look(duel: ShadowComparison, trial: Trial, enough: int, stage_name: str) -> dict[str, float]:
    """The figures so far.

    Raises:
        ModelRefusedError: there are enough of them, and a gate does not hold.
    """
    old, new = duel.read()
    figures = figures_of(old, new)
    if figures["frames"] >= enough and (broken := judge(trial.gates, old, new)):
        raise ModelRefusedError(f"{stage_name}:{broken[0][0]}", "; ".join(text for _, text in broken), figures)
    return figures


def _say(tell: Tell, figures: Mapping[str, float], said_s: float) -> float:
    now_s = time.monotonic()
    if now_s - said_s < SAY_EVERY_S:
        return said_s
    tell(figures)
    return now_s


@asynccontextmanager
async def _duel(stage: Stage, old: StillEnhancer, new: StillEnhancer, per_s: float) -> AsyncIterator[ShadowComparison]:
    duel = ShadowComparison(old, new, per_s)
    stage.duel = duel
    try:
        yield duel
    finally:
        stage.duel = None
        await asyncio.shield(asyncio.to_thread(duel.close))
