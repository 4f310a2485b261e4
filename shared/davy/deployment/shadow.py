"""Evaluation of a model on this edge's frames: shadow before the swap, probation after it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from davy.deployment.comparison import Comparison, Swappable
from davy.domain.errors import ModelRefusedError
from davy.twin.model import Evaluation

SHADOW_PER_S, PROBATION_PER_S = 6.0, 3.0
COMPARE_EVERY_S = 0.2
REPORT_EVERY_S = 2.0
ENOUGH = 10  # minimum pairs for a broken gate to count
FEW = 3  # minimum pairs for a decision at the end of a probation

Report = Callable[..., None]
"""Reports progress; called with the keyword argument figures."""


async def shadow(active: Swappable[Any], new: Any, evaluation: Evaluation, report: Report) -> dict[str, float]:  # noqa: ANN401  # a model of active's type
    """Process `evaluation.shadow_frames` frames with both models, emit the old one's, and return the gate figures.

    Raises:
        ModelRefusedError: a gate is broken, or too few frames arrived.
    """
    ends_s, reported_s = time.monotonic() + evaluation.shadow_timeout_s, 0.0
    async with _compare(active, active.model, new, SHADOW_PER_S) as comparison:
        while True:
            await asyncio.sleep(COMPARE_EVERY_S)
            figures = _figures(comparison, evaluation, min(ENOUGH, evaluation.shadow_frames), "gate")
            if figures["frames"] >= evaluation.shadow_frames:
                return figures
            if time.monotonic() > ends_s:
                count = f"{figures['frames']:g} of {evaluation.shadow_frames} frames"
                raise ModelRefusedError("gate:frames", f"{count} arrived within {evaluation.shadow_timeout_s:g} s")
            reported_s = _report_when_due(report, figures, reported_s)


async def probation(active: Swappable[Any], old: Any, evaluation: Evaluation, report: Report) -> dict[str, float]:  # noqa: ANN401  # as above
    """Compare the active model with the old one for `evaluation.probation_s`, and return the gate figures.

    Raises:
        ModelRefusedError: a gate is broken, or the model failed on a frame.
    """
    ends_s, reported_s = time.monotonic() + evaluation.probation_s, 0.0
    async with _compare(active, old, active.model, PROBATION_PER_S) as comparison:
        while time.monotonic() < ends_s:
            await asyncio.sleep(COMPARE_EVERY_S)
            if active.errors and evaluation.gates.errors_most == 0:
                raise ModelRefusedError("probation:errors", f"the model failed on {active.errors} live frames")
            figures = _figures(comparison, evaluation, ENOUGH, "probation")
            reported_s = _report_when_due(report, figures, reported_s)
        return _figures(comparison, evaluation, FEW, "probation")


def _figures(comparison: Comparison[Any], evaluation: Evaluation, enough: int, phase: str) -> dict[str, float]:
    """Return the present figures.

    Raises:
        ModelRefusedError: a gate is broken after enough compared frames.
    """
    figures, broken = comparison.assess(evaluation.gates)
    if figures["frames"] >= enough and broken:
        raise ModelRefusedError(f"{phase}:{broken[0][0]}", "; ".join(text for _, text in broken), figures)
    return figures


def _report_when_due(report: Report, figures: Mapping[str, float], reported_s: float) -> float:
    now_s = time.monotonic()
    if now_s - reported_s < REPORT_EVERY_S:
        return reported_s
    report(figures=figures)
    return now_s


@asynccontextmanager
async def _compare(
    active: Swappable[Any],
    old: Any,  # noqa: ANN401  # as above
    new: Any,  # noqa: ANN401  # as above
    per_s: float,
) -> AsyncIterator[Comparison[Any]]:
    comparison = active.compare(old, new, per_s)
    active.comparison = comparison
    try:
        yield comparison
    finally:
        active.comparison = None
        await asyncio.shield(asyncio.to_thread(comparison.close))
