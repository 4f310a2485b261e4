"""The edges of a new rollout, with their waves and rollback models."""

from collections.abc import Mapping, Sequence

from davy.domain.errors import ConflictError, UnknownModelError
from davy.twin.model import DesiredModel, ReportedModel, Target
from davy_aggregator.model_catalog import ModelCatalog
from davy_aggregator.rollout.plan import assign_waves
from davy_aggregator.rollout.rollout import NO_REPORT, Member, RolloutSpec, View


async def choose_members(
    spec: RolloutSpec, known: Sequence[str], desired: Mapping[str, DesiredModel], view: View, catalog: ModelCatalog
) -> dict[str, Member]:
    """Choose the edges of a rollout; online edges come first.

    Args:
        known: Edges that run models.
        desired: Newest desired model by edge.

    Raises:
        ConflictError: an edge is unknown, no edge runs models, or all are offline.
    """
    if unknown := [edge for edge in spec.edges if edge not in known]:
        raise ConflictError(f"no edge or enhancer {unknown[0]!r} runs models; known: {', '.join(known[:8]) or 'none'}")
    chosen = sorted(spec.edges or known, key=lambda edge: not view(edge).online)
    if not chosen:
        raise ConflictError("nothing at this site runs models of this kind")
    if not view(chosen[0]).online:
        raise ConflictError("every edge is offline; a canary must be online")
    waves = assign_waves(chosen, spec)
    baselines = {edge: await _baseline(view(edge).reported, desired.get(edge), catalog) for edge in chosen}
    return {edge: Member(wave=waves[edge], baseline=baselines[edge]) for edge in chosen}


async def _baseline(report: ReportedModel, desired: DesiredModel | None, catalog: ModelCatalog) -> Target:
    """Return the running model, or the desired one of an edge that never reported; with its package if known."""
    if desired is not None and (report is NO_REPORT or report.model == desired.model):
        return Target.model_validate(desired.model_dump(include=set(Target.model_fields)))
    try:
        return await catalog.target(report.model)
    except UnknownModelError:  # the edge has it on disk
        return Target(model=report.model)
