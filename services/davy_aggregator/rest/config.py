"""Configurations of edges over REST: desired, reported, history and rollback."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field

from davy.access.principal import acting
from davy.access.roles import Permission
from davy.adapters.http.problems import problem_responses
from davy.domain.camera import ID_PATTERN
from davy.domain.dials import NEUTRAL, PRESETS, Dials, Preset
from davy.edge_config import read_config, restore_secrets, to_plain, without_secrets
from davy.models.manifest import Signature
from davy.site import EdgeConfig
from davy.twin.configuration import ConfigState, ReportedConfig
from davy_aggregator.config.record import ConfigRecord, differences
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.schemas import utc

Edge = Annotated[str, Path(pattern=f"^{ID_PATTERN}$", examples=["north"])]
IfMatch = Annotated[str, Header(max_length=80, description="ETag of the configuration that the change is based on.")]
MAX_TEXT = 200
ADJUSTABLE = frozenset({"strength", "preset", *Dials.__dataclass_fields__})  # by operators


class ConfigChange(BaseModel):
    """A desired configuration, its author and reason. `***` in a source stands for the known password."""

    config: EdgeConfig
    who: str = Field("", max_length=MAX_TEXT, examples=["M. Curie"], description="Author; the client's address if empty.")
    why: str = Field("", max_length=MAX_TEXT, examples=["the face is too bright"])
    signature: Signature | None = Field(None, description="Signature made by `davy edges config set --keys`.")


class Rollback(BaseModel):
    """Request to return to an earlier configuration."""

    to: str = Field("", max_length=64, description="Id in the history, or its start; the previous configuration if empty.")
    who: str = Field("", max_length=MAX_TEXT)
    why: str = Field("", max_length=MAX_TEXT)


class ConfigEntry(BaseModel):
    """A configuration in an edge's history. Passwords are `***`."""

    epoch: int = Field(description="Number of the decision; 0: site.yaml.")
    id: str = Field(description="SHA-256 of the canonical JSON.")
    previous: str
    who: str
    why: str
    at: str | None
    signed_by: str = Field(description="Key id, or empty.")
    config: dict[str, Any]

    @classmethod
    def of(cls, record: ConfigRecord) -> "ConfigEntry":
        return cls(
            **record.model_dump(include={"epoch", "id", "previous", "who", "why"}),
            at=utc(record.at_ns) if record.at_ns else None,
            signed_by=record.signature.key if record.signature else "",
            config=without_secrets(record.config),
        )


class Difference(BaseModel):
    field: str = Field(examples=["cameras.face.strength"])
    desired: Any
    reported: Any


class EdgeConfigView(BaseModel):
    """The desired and the reported configuration of an edge."""

    edge: str
    online: bool
    state: ConfigState = Field(description="State of the desired configuration; waiting until the edge reports on it.")
    reason: str = Field(description="Reason of a rejection.")
    desired: ConfigEntry
    reported: ReportedConfig
    differs: list[Difference]


class DialPresets(BaseModel):
    """Dials that change nothing, and dials for a kind of place by the preset's name."""

    neutral: Dials
    presets: dict[Preset, Dials]


class EdgeConfigs(BaseModel):
    edges: list[EdgeConfigView]


class History(BaseModel):
    """Decisions, newest first."""

    history: list[ConfigEntry]


def config_routes(context: ServiceContext) -> APIRouter:
    """Routes /v1/configs and /v1/edges/{edge}/config."""
    routes = APIRouter(prefix="/v1", tags=["configuration"], responses=problem_responses(404))
    refusals = problem_responses(404, 412, 422, 503)

    def show(edge: str, response: Response | None = None, record: ConfigRecord | None = None) -> EdgeConfigView:
        view = show_edge(context, edge, record)
        if response is not None:
            response.headers["ETag"] = f'"{view.desired.id}"'
        return view

    @routes.get("/configs", summary="List the desired and reported configurations of all edges")
    async def configs() -> EdgeConfigs:
        return EdgeConfigs(edges=[show(edge) for edge in context.configs.edges])

    @routes.get("/dials", summary="Get the presets of the operator's dials, and the neutral dials")
    async def dials() -> DialPresets:
        return DialPresets(neutral=NEUTRAL, presets=dict(PRESETS))

    @routes.get(
        "/edges/{edge}/config", summary="Get the desired and reported configuration of an edge; its ETag is for If-Match"
    )
    async def get(edge: Edge, response: Response) -> EdgeConfigView:
        return show(edge, response)

    @routes.put(
        "/edges/{edge}/config",
        summary="Set the desired configuration of an edge; only changed cameras restart",
        responses=refusals,
    )
    async def put(edge: Edge, change: ConfigChange, response: Response, if_match: IfMatch = "") -> EdgeConfigView:
        who = _author(change.who)
        expected = _tag(if_match)
        _check_permission(read_config(context.configs.history.of(edge)[0].config), change.config)
        record = await context.configs.put(edge, change.config, who, change.why, change.signature, expected)
        return show(edge, response, record)

    @routes.get("/edges/{edge}/config/history", summary="List the configuration history of an edge")
    async def history(edge: Edge) -> History:
        return History(history=[ConfigEntry.of(record) for record in context.configs.history.of(edge)])

    @routes.post(
        "/edges/{edge}/config/rollback",
        summary="Return to an earlier configuration",
        responses=refusals,
    )
    async def rollback(edge: Edge, response: Response, back: Rollback | None = None, if_match: IfMatch = "") -> EdgeConfigView:
        back = back or Rollback()
        record = await context.configs.roll_back(edge, back.to, _author(back.who), back.why, _tag(if_match))
        return show(edge, response, record)

    return routes


def show_edge(context: ServiceContext, edge: str, record: ConfigRecord | None = None) -> EdgeConfigView:
    """Compare desired and reported configuration; a report on another configuration has no state here.

    Args:
        record: The decision to show, which another may have followed by now; None: the newest.
    """
    service = context.configs
    record = record or service.history.of(edge)[0]
    desired, report = ConfigEntry.of(record), service.twin.reported.get(edge, ReportedConfig())
    reported = report.model_copy(update={"config": without_secrets(report.config)})  # an edge redacts them, too
    answered = reported.target == record.id and reported.epoch == record.epoch
    refused = reported.refused_epoch == record.epoch > reported.epoch
    unchanged = record.epoch == 0 and reported.id == record.id
    state = (
        reported.state
        if answered
        else ConfigState.REJECTED
        if refused
        else ConfigState.APPLIED
        if unchanged
        else ConfigState.WAITING
    )
    found = differences(desired.config, reported.config) if reported.id else ()
    return EdgeConfigView(
        edge=edge,
        online=service.twin.online(edge),
        state=state,
        reason=reported.reason if answered else reported.refused_reason if refused else "",
        desired=desired,
        reported=reported,
        differs=[Difference(field=field, desired=one, reported=other) for field, one, other in found],
    )


def _tag(if_match: str) -> str:
    return "" if if_match.strip() == "*" else if_match.strip().removeprefix("W/").strip('"')


def _author(named: str) -> str:
    """Who makes a change: the authenticated name; in an open service what the caller says, or its address."""
    principal = acting()
    if principal.role is not None:
        return principal.name
    return named or principal.address


def _check_permission(now: EdgeConfig, wanted: EdgeConfig) -> None:
    """Refuse a change of more than the picture to those who may not configure."""
    changed = [field for field, _, _ in differences(to_plain(now), to_plain(restore_secrets(wanted, now)))]
    if others := [field for field in changed if field.rpartition(".")[2] not in ADJUSTABLE]:
        acting().require(Permission.CONFIGURE, f"change {', '.join(others[:8])}")
