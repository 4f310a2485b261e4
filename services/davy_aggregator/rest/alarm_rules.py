"""Rules of alarms and escalation over REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from davy.access.principal import acting
from davy.adapters.http.problems import problem_responses
from davy.domain.alarm_record import Notice
from davy.domain.alarm_rules import DEFAULT_RULES, AlarmRule
from davy.domain.alarm_targets import AlarmRules
from davy_aggregator.alarms.rules import RuleBook
from davy_aggregator.alarms.view import utc
from davy_aggregator.context import ServiceContext

MAX_TEXT = 200
IfMatch = Annotated[str, Header(max_length=80, description="ETag of the rules that the change is based on.")]


class RulesChange(BaseModel):
    """All rules of the site, and why they change."""

    rules: AlarmRules
    why: str = Field("", max_length=MAX_TEXT, examples=["the belt stops every hour"])


class RulesView(BaseModel):
    """The rules in force."""

    id: str = Field(examples=["3"], description="Number of the change; 0: the site's file.")
    who: str
    why: str
    at: str | None
    rules: AlarmRules = Field(description="What differs from the defaults, and the escalation.")
    defaults: dict[str, AlarmRule] = Field(description="Rules by kind, before any change.")
    targets: dict[str, str] = Field(
        examples=[{"shift": "email"}],
        description="Receivers of the site's file, and their kind. Their addresses are not shown.",
    )

    @classmethod
    def of(cls, book: RuleBook) -> "RulesView":
        changed = book.changed
        return cls(
            id=book.id,
            who=changed.who,
            why=changed.why,
            at=utc(changed.at_ns),
            rules=book.current,
            defaults=dict(DEFAULT_RULES),
            targets={name: target.kind for name, target in book.config.targets.items()},
        )


class PastRules(BaseModel):
    id: str
    who: str
    why: str
    at: str | None
    rules: dict[str, Any]


class RulesHistory(BaseModel):
    """Changes, newest first."""

    history: list[PastRules]


class NoticeView(BaseModel):
    """A message of escalation."""

    target: str = Field(examples=["shift"])
    alarm: str = Field(examples=["lens-blocked:north.face"])
    made_at: str | None
    sent_at: str | None = Field(description="When it was delivered or given up; null before.")
    attempts: int = Field(description="Failed attempts.")
    error: str = Field(description="Of the last attempt; empty if it was delivered.")

    @classmethod
    def of(cls, notice: Notice) -> "NoticeView":
        return cls(
            target=notice.target,
            alarm=notice.alarm,
            made_at=utc(notice.made_ns),
            sent_at=utc(notice.sent_ns),
            attempts=notice.attempts,
            error=notice.error,
        )


class Notices(BaseModel):
    """Messages of escalation, newest first."""

    notices: list[NoticeView]


def alarm_rule_routes(context: ServiceContext) -> APIRouter:
    """Routes /v1/alarm-rules and /v1/alarm-notices."""
    routes = APIRouter(prefix="/v1", tags=["alarms"], responses=problem_responses(503))
    service = context.alarms

    def show(response: Response) -> RulesView:
        response.headers["ETag"] = f'"{service.rules.id}"'
        return RulesView.of(service.rules)

    @routes.get("/alarm-rules", summary="Get the rules of alarms; their ETag is for If-Match")
    async def rules(response: Response) -> RulesView:
        return show(response)

    @routes.put("/alarm-rules", summary="Set the rules of alarms", responses=problem_responses(412, 422))
    async def put(change: RulesChange, response: Response, if_match: IfMatch = "") -> RulesView:
        who, expected = acting().name, if_match.strip().removeprefix("W/").strip('"')
        await service.put_rules(change.rules, who, change.why, "" if expected == "*" else expected)
        return show(response)

    @routes.get("/alarm-rules/history", summary="List changes of the rules, newest first")
    async def history() -> RulesHistory:
        found = await service.rules.history()
        return RulesHistory(
            history=[
                PastRules(id=str(each.seq), who=each.who, why=each.why, at=utc(each.at_ns), rules=dict(each.body))
                for each in found
            ]
        )

    @routes.get("/alarm-notices", summary="List messages of escalation, newest first")
    async def notices(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Notices:
        return Notices(notices=[NoticeView.of(each) for each in await service.notices(limit)])

    return routes
