"""The detector of attached analysers: which one each is to run, and their reports as those of one device.

For rollouts the analysis is one device, whoever carries it out. The analyser with most cameras goes first and compares both
detectors on its pictures; the others follow once it is through. If one fails, the analysis has failed, and all return.
"""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from davy.twin.model import DesiredModel, Evaluation, ModelState, ReportedModel
from davy.twin.protocol import MAX_REASON
from davy_aggregator.rollout.rollout import ANALYSERS, READY, AnalysisDecision

W = TypeVar("W", bound=Hashable)

_REFUSED = (ModelState.FAILED, ModelState.ROLLED_BACK)
_ORDER = tuple(ModelState)


@dataclass(frozen=True, slots=True)
class Follower:
    """An analyser that follows rollouts.

    Attributes:
        name: As it calls itself.
        reported: Its newest report.
        cameras: Number of assigned cameras.
    """

    name: str
    reported: ReportedModel
    cameras: int = 0


def desired_of(decision: AnalysisDecision | None, followers: Mapping[W, Follower]) -> dict[W, DesiredModel]:
    """Return the detector that each analyser is to run; none for those that keep what they run.

    Args:
        decision: The newest decision for the analysis; None if none was ever made.
        followers: By analyser.
    """
    if decision is None or not followers:
        return {}
    desired = decision.desired
    if not decision.tries:  # it is proved: who attaches later runs it at once
        return dict.fromkeys(followers, _with_evaluation(desired, Evaluation(probation_s=0)))
    begun = {worker: each.reported.state for worker, each in followers.items() if each.reported.epoch == desired.epoch}
    before = _before(decision)
    found = {worker: before for worker in followers if worker not in begun and before is not None}
    if any(state in _REFUSED for state in begun.values()):
        return found
    if ModelState.ACTIVE in begun.values():
        later = _with_evaluation(desired, desired.trial.model_copy(update={"shadow_frames": 0}))
        return dict.fromkeys(followers, later) if decision.starts else found
    if not begun and decision.starts:
        found[max(followers, key=lambda worker: followers[worker].cameras)] = desired
    return found | dict.fromkeys(begun, desired)


def summarise(decision: AnalysisDecision | None, followers: Mapping[W, Follower], last: ReportedModel) -> ReportedModel:
    """Return the reports of all analysers as one.

    Args:
        decision: As above.
        followers: As above.
        last: The report before, which stands while no analyser is attached.
    """
    if not followers:
        figures = last.figures | {ANALYSERS: 0.0, READY: 0.0}
        return last.model_copy(update={"figures": figures, "reason": "no analyser is attached"})
    newest = _newest(decision, followers)
    at = {each.name: each.reported for each in followers.values() if each.reported.epoch == newest.epoch}
    ready = sum(report.state is ModelState.ACTIVE for report in at.values())
    model, frame_id = _most_run(followers)
    found = newest.model_copy(update={"model": model, "frame_id": frame_id, "figures": {}, "cause": "", "reason": ""})
    counts = {ANALYSERS: float(len(followers)), READY: float(ready)}
    for name, report in at.items():
        if report.state in _REFUSED:
            told = {"state": report.state, "cause": report.cause, "reason": f"analyser {name}: {report.reason}"[:MAX_REASON]}
            return found.model_copy(update=told | {"figures": report.figures | counts})
    figures = next((report.figures for report in at.values() if report.figures), {})
    under_way = [report.state for report in at.values() if report.state is not ModelState.ACTIVE]
    if ready == len(followers):
        state, reason = ModelState.ACTIVE, ""
    else:
        state = min(under_way, key=_ORDER.index, default=ModelState.WAITING)
        reasons = [report.reason for report in at.values() if report.reason]
        reason = reasons[0] if reasons else f"{ready} of {len(followers)} analysers run it"
    return found.model_copy(update={"state": state, "reason": reason, "figures": figures | counts})


def _with_evaluation(desired: DesiredModel, evaluation: Evaluation) -> DesiredModel:
    return desired.model_copy(update={"trial": evaluation})


def _before(decision: AnalysisDecision) -> DesiredModel | None:
    """The detector that analysers run until their turn: one that has just been started does not have it yet."""
    if decision.desired.epoch == 1:
        return None
    baseline = decision.baseline.model_dump()
    return DesiredModel(epoch=decision.desired.epoch - 1, trial=Evaluation(probation_s=0), **baseline)


def _newest(decision: AnalysisDecision | None, followers: Mapping[W, Follower]) -> ReportedModel:
    """The report with the highest epoch; of several one for another model, for which the decision is made again."""
    target = decision.desired.target if decision is not None else ""
    return max((each.reported for each in followers.values()), key=lambda report: (report.epoch, report.target != target))


def _most_run(followers: Mapping[W, Follower]) -> tuple[str, str]:
    """Id and name in frames of the detector that most analysers run."""
    ((found, _),) = Counter((each.reported.model, each.reported.frame_id) for each in followers.values()).most_common(1)
    return found
