"""Rollouts over REST: create, confirm, read, pause, resume, abort, watch by server-sent events."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from davy.adapters.http.problems import problem_responses
from davy.models import ModelKind
from davy.models.detector_gates import DETECTOR_GATES
from davy.models.gates import GATES, Gates
from davy.twin.model import ModelState, ReportedModel
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.schemas import utc
from davy_aggregator.rest.streams import CountedEvents
from davy_aggregator.rollout.plan import report_of
from davy_aggregator.rollout.rollout import Rollout, RolloutSpec, RolloutState

_SSE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
Id = Annotated[str, Path(max_length=64)]


DeviceKind = Literal["edge", "enhancer", "analysis"]


class EdgeModel(BaseModel):
    """One device in a rollout, with its desired and reported model."""

    edge: str = Field(examples=["north"], description="Id of the edge or enhancer; `aggregator` for its analysis.")
    kind: DeviceKind = Field(
        description="edge: enhances its own cameras. enhancer: of the pool, for all its cameras. analysis: detects objects."
    )
    wave: int = Field(description="Wave of the edge; 0: canary.")
    online: bool
    desired_epoch: int = Field(description="Epoch of the desired model; 0 before the edge starts.")
    desired_model: str
    reported_epoch: int
    state: ModelState = Field(description="Progress with the model of this rollout; a final state does not change.")
    returned: bool = Field(description="Whether the edge was returned to its previous model.")
    model: str = Field(description="Running model; empty: the installed one.")
    cause: str = Field(examples=["gate:black"])
    reason: str
    figures: dict[str, float] = Field(description="Gate figures, measured by the edge.", examples=[{"p95-ratio": 1.02}])


class RolloutView(BaseModel):
    """The present state of a rollout."""

    id: str
    model: str
    kind: ModelKind = Field(description="enhancer, or detector of the analysis.")
    frame_id: str
    state: RolloutState
    reason: str
    wave: int
    waves: int
    created_at: str
    ended_at: str | None
    started_by: str = Field(examples=["ada"], description="Person or program that created it.")
    confirmed_by: str = Field(examples=["bob"], description="Second person; empty if none confirmed it.")
    spec: RolloutSpec
    edges: list[EdgeModel]


class Rollouts(BaseModel):
    rollouts: list[RolloutView]


class EdgeReport(BaseModel):
    """The reported model of one device."""

    edge: str = Field(description="Id of the edge or enhancer; `aggregator` for its analysis.")
    kind: DeviceKind
    online: bool
    reported: ReportedModel


class GateView(BaseModel):
    """A gate: an edge compares the figure with the limit in `spec.gates` of a rollout."""

    setting: str = Field(examples=["brightness_least"], description="Name of the limit in `spec.gates`.")
    figure: str = Field(examples=["brightness-ratio"], description="Name of the figure in a report.")
    cause: str = Field(examples=["gate:black"], description="Cause in the report of an edge that rejects a model.")
    is_least: bool = Field(description="The limit is a minimum; a maximum otherwise.")
    kinds: list[ModelKind] = Field(description="Kinds of models that meet it.")
    description: str


class EdgeReports(BaseModel):
    """The reported models of all edges, of the enhancer pool and of the analysis, and the gates that their figures meet."""

    edges: list[EdgeReport]
    gates: list[GateView]


KINDS = {ModelKind.ENHANCER: GATES, ModelKind.DETECTOR: DETECTOR_GATES}
_GATES = [
    GateView(
        setting=gate.setting,
        figure=gate.figure,
        cause=f"gate:{gate.cause}",
        is_least=gate.is_least,
        kinds=[kind for kind, gates in KINDS.items() if gate in gates],
        description=str(Gates.model_fields[gate.setting].description),
    )
    for gate in dict.fromkeys((*GATES, *DETECTOR_GATES))
]


def rollout_routes(context: ServiceContext) -> APIRouter:
    """Routes below /v1/rollouts, and /v1/fleet."""
    routes = APIRouter(prefix="/v1", tags=["rollouts"], responses=problem_responses(503))
    service = context.rollouts

    def show(rollout: Rollout) -> RolloutView:
        return RolloutView(
            id=rollout.id,
            model=rollout.target.model,
            kind=rollout.kind,
            frame_id=rollout.frame_id,
            state=rollout.state,
            reason=rollout.reason,
            wave=rollout.wave,
            waves=rollout.waves,
            created_at=utc(rollout.created_ns),
            ended_at=utc(rollout.ended_ns) if rollout.ended_ns else None,
            started_by=rollout.started_by,
            confirmed_by=rollout.confirmed_by,
            spec=rollout.spec,
            edges=[_show_edge(rollout, edge, context) for edge in rollout.members],
        )

    @routes.get("/fleet", summary="List the reported models of all edges, of the enhancer pool and of the analysis")
    async def fleet() -> EdgeReports:
        views = {edge: service.view(edge) for kind in ModelKind for edge in service.devices(kind)}
        return EdgeReports(
            edges=[
                EdgeReport(edge=edge, kind=_kind(context, edge), online=view.online, reported=view.reported)
                for edge, view in views.items()
            ],
            gates=_GATES,
        )

    @routes.get("/rollouts", summary="List the rollouts, newest first")
    async def rollouts() -> Rollouts:
        return Rollouts(rollouts=[show(rollout) for rollout in service.rollouts])

    @routes.post(
        "/rollouts",
        summary="Roll a model out in waves: an enhancer to edges and pool, a detector to the analysis",
        status_code=201,
        responses=problem_responses(404, 409),
    )
    async def create(spec: RolloutSpec) -> RolloutView:
        return show(await service.create(spec))

    @routes.get("/rollouts/{rollout_id}", summary="Get a rollout", responses=problem_responses(404))
    async def rollout(rollout_id: Id) -> RolloutView:
        return show(service.get(rollout_id))

    @routes.post(
        "/rollouts/{rollout_id}/confirm",
        summary="Start a rollout that waits for a second person, the caller",
        responses=problem_responses(403, 404, 409),
    )
    async def confirm(rollout_id: Id) -> RolloutView:
        return show(await service.confirm(rollout_id))

    @routes.post(
        "/rollouts/{rollout_id}/pause",
        summary="Pause a rollout: start no further edge",
        responses=problem_responses(404, 409),
    )
    async def pause(rollout_id: Id) -> RolloutView:
        return show(await service.pause(rollout_id))

    @routes.post("/rollouts/{rollout_id}/resume", summary="Resume a rollout", responses=problem_responses(404, 409))
    async def resume(rollout_id: Id) -> RolloutView:
        return show(await service.resume(rollout_id))

    @routes.post(
        "/rollouts/{rollout_id}/abort",
        summary="Abort a rollout and return started edges to their previous model",
        responses=problem_responses(404, 409),
    )
    async def abort(rollout_id: Id) -> RolloutView:
        return show(await service.abort(rollout_id))

    @routes.get(
        "/rollouts/{rollout_id}/watch",
        summary="Stream every change of a rollout as server-sent events until it ends",
        response_class=EventSourceResponse,
        responses=_SSE | problem_responses(404),
    )
    async def watch(rollout_id: Id) -> EventSourceResponse:
        service.get(rollout_id)

        async def body() -> AsyncGenerator[ServerSentEvent, None]:
            async with aclosing(service.watch(rollout_id)) as changed:
                async for each in changed:
                    yield ServerSentEvent(show(each).model_dump_json(), event="rollout")
            yield ServerSentEvent("{}", event="end")

        return CountedEvents(body(), context.stream("sse"))

    return routes


def _show_edge(rollout: Rollout, edge: str, context: ServiceContext) -> EdgeModel:
    view, member, desired = context.rollouts.view(edge), rollout.members[edge], rollout.desired(edge)
    report = report_of(rollout, edge, context.rollouts.view)
    return EdgeModel(
        edge=edge,
        kind=_kind(context, edge),
        wave=member.wave,
        online=view.online,
        desired_epoch=member.epoch,
        desired_model=desired.model if desired else "",
        reported_epoch=view.reported.epoch,
        state=report.state,
        model=view.reported.model,
        cause=report.cause,
        reason=report.reason,
        figures=report.figures,
        returned=member.returned,
    )


def _kind(context: ServiceContext, edge: str) -> DeviceKind:
    if context.rollouts.is_analysis(edge):
        return "analysis"
    return "enhancer" if context.rollouts.is_enhancer(edge) else "edge"
