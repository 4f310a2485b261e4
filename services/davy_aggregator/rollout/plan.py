"""The next state of a rollout, as a function of the rollout, the reports of its edges, and the time."""

import math
from collections.abc import Mapping, Sequence

from davy.domain.errors import ConflictError
from davy.models import ModelKind
from davy.twin.model import ModelState, ReportedModel
from davy_aggregator.rollout.rollout import NO_REPORT, Rollout, RolloutSpec, RolloutState, View

CANARY_SHARE = 0.1  # maximum share of the edges; at least one edge
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS


_ALL_RUN = {ModelKind.ENHANCER: "every edge runs the model", ModelKind.DETECTOR: "the analysis runs the model"}


def assign_waves(edges: Sequence[str], spec: RolloutSpec) -> dict[str, int]:
    """Return the wave of each edge in the given order: first the canaries, then up to each share of all edges."""
    total = len(edges)
    ends = [min(spec.canaries, max(1, int(CANARY_SHARE * total)))]
    ends += [math.ceil(share * total) for share in spec.waves]
    bounds = sorted({end for end in ends if end >= ends[0]})
    return {edge: next(wave for wave, end in enumerate(bounds) if index < end) for index, edge in enumerate(edges)}


def advance(rollout: Rollout, view: View, now_ns: int, epoch: int) -> Rollout:
    """Return the rollout after the newest reports; the same object without a change.

    Args:
        epoch: Epoch above every reported one, for edges with a new desired model.
    """
    if rollout.state.ended or rollout.state is RolloutState.UNCONFIRMED:
        return rollout
    rollout = _keep_final_reports(rollout, view)
    if reason := _failure(rollout, view, now_ns):
        return send_back(rollout, RolloutState.ROLLED_BACK, reason, now_ns, epoch)
    if rollout.state is RolloutState.PAUSED:
        return rollout
    if _wave_is_done(rollout, view):
        if rollout.wave + 1 == rollout.waves:
            late = sum(1 for edge in rollout.members if not _is_final(rollout, edge, view))
            reason = f"{late} edges are offline and will follow" if late else _ALL_RUN[rollout.kind]
            return rollout.model_copy(update={"state": RolloutState.DONE, "reason": reason, "ended_ns": now_ns})
        rollout = rollout.model_copy(update={"wave": rollout.wave + 1})
    return _start(rollout, now_ns, epoch)


def send_back(rollout: Rollout, state: RolloutState, reason: str, now_ns: int, epoch: int) -> Rollout:
    """End a rollout and return every started edge to its baseline.

    Raises:
        ConflictError: the rollout has already ended.
    """
    if rollout.state.ended:
        raise ConflictError(f"rollout {rollout.id} is already {rollout.state}")
    back = {
        edge: member.model_copy(update={"epoch": epoch, "returned": True, "started_ns": now_ns}) if member.epoch else member
        for edge, member in rollout.members.items()
    }
    return rollout.model_copy(update={"state": state, "reason": reason, "ended_ns": now_ns, "members": back})


def report_of(rollout: Rollout, edge: str, view: View) -> ReportedModel:
    """Return the edge's report on this rollout's model: the final one, else its progress."""
    member, reported = rollout.members[edge], view(edge).reported
    if member.final_report is not None:
        return member.final_report
    return reported if member.epoch and reported.epoch == member.epoch and not member.returned else NO_REPORT


def state_of(rollout: Rollout, edge: str, view: View) -> ModelState:
    """Return the progress of an edge with the desired model of this rollout."""
    member, reported = rollout.members[edge], view(edge).reported
    return reported.state if member.epoch and reported.epoch == member.epoch else ModelState.WAITING


def all_reports_final(rollout: Rollout, view: View) -> bool:
    """Return whether every started online edge has its final report."""
    return not any(
        view(edge).online and (view(edge).reported.epoch < member.epoch or not view(edge).reported.state.final)
        for edge, member in rollout.members.items()
        if member.epoch
    )


def _keep_final_reports(rollout: Rollout, view: View) -> Rollout:
    """Keep the final reports: an edge that returns to its baseline reports another model next."""
    kept = {}
    for edge, member in rollout.members.items():
        report = view(edge).reported
        news = member.final_report is None or member.final_report.state is not report.state
        if news and not member.returned and state_of(rollout, edge, view).final:
            kept[edge] = member.model_copy(update={"final_report": report})
    return rollout.model_copy(update={"members": {**rollout.members, **kept}}) if kept else rollout


def _start(rollout: Rollout, now_ns: int, epoch: int) -> Rollout:
    """Start edges of this wave within the rate limit."""
    recent = sum(1 for member in rollout.members.values() if member.epoch and member.started_ns > now_ns - MINUTE_NS)
    due = [edge for edge, member in rollout.members.items() if member.wave <= rollout.wave and not member.epoch]
    starting = due[: max(0, rollout.spec.per_minute - recent)]
    if not starting:
        return rollout
    started: Mapping[str, object] = {"epoch": epoch, "started_ns": now_ns}
    members = {edge: rollout.members[edge].model_copy(update=started) for edge in starting}
    return rollout.model_copy(update={"members": {**rollout.members, **members}})


def _is_final(rollout: Rollout, edge: str, view: View) -> bool:
    return state_of(rollout, edge, view).final


def _wave_is_done(rollout: Rollout, view: View) -> bool:
    """Return whether every edge of the present waves has its final report; offline edges count only among the canaries."""
    so_far = [edge for edge, member in rollout.members.items() if member.wave <= rollout.wave]
    if not all(rollout.members[edge].epoch for edge in so_far):
        return False
    waited_for = [edge for edge in so_far if rollout.members[edge].wave == 0 or view(edge).online]
    return all(_is_final(rollout, edge, view) for edge in waited_for)


def _failure(rollout: Rollout, view: View, now_ns: int) -> str:
    """Return the reason to roll back; empty if there is none."""
    failed = {
        edge: reason
        for edge, member in rollout.members.items()
        if member.epoch and (reason := _edge_failure(rollout, edge, view, now_ns))
    }
    if not failed:
        return ""
    begun = sum(1 for member in rollout.members.values() if member.epoch)
    canaries = [edge for edge in failed if rollout.members[edge].wave == 0]
    if not canaries and len(failed) <= rollout.spec.failures * begun:
        return ""
    first = canaries[0] if canaries else next(iter(failed))
    more = f"; {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{'canary' if canaries else 'edge'} {first}: {failed[first]}{more}"


def _edge_failure(rollout: Rollout, edge: str, view: View, now_ns: int) -> str:
    """Return the reason for which an edge has failed; empty if it has not."""
    state, edge_view = state_of(rollout, edge, view), view(edge)
    if state in (ModelState.FAILED, ModelState.ROLLED_BACK):
        return f"{state} ({edge_view.reported.cause}): {edge_view.reported.reason}"
    waited_ns = now_ns - max(rollout.members[edge].started_ns, edge_view.since_ns)
    if edge_view.online and state is not ModelState.ACTIVE and waited_ns > rollout.spec.wave_timeout_s * SECOND_NS:
        return f"not done after {rollout.spec.wave_timeout_s:g} s: {state}"
    return ""
