"""What is known about the sites, as values of the REST API."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from davy.domain.severity import SeverityName

SiteState = Literal["waiting", "ready", "degraded", "unreachable"]


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class SiteView(_View):
    """A site, as it last answered. Its figures are as old as `answered_at`."""

    name: str = Field(examples=["north"], description="Name in the company's file.")
    console: str = Field(examples=["https://north.example"], description="Address of the site's pages.")
    state: SiteState = Field(description="waiting: not asked yet; unreachable: the last question had no answer.")
    reason: str = Field("", description="Why it is unreachable or degraded.")
    answered_at: datetime | None = Field(None, description="Time of the last answer; null: there was none.")
    site: str = Field("", examples=["north"], description="Name that the site gives itself.")
    version: str = Field("", examples=["0.2.0"])
    time_zone: str = Field("", examples=["Europe/Warsaw"])
    edges: int = 0
    cameras: int = 0
    live: int = Field(0, description="Live cameras.")
    alarms: Mapping[str, int] = Field(default_factory=dict, examples=[{"unacknowledged": 2}], description="Alarms by state.")


class SiteAlarm(_View):
    """An unanswered alarm of a site."""

    site: str = Field(examples=["north"], description="Name of the site in the company's file.")
    id: str = Field(examples=["lens-blocked:north.face"])
    source: str = Field(examples=["north.face"])
    severity: SeverityName
    title: str = Field(examples=["Lens blocked"])
    message: str
    raised_at: datetime | None
    link: str = Field(examples=["https://north.example/alarms"], description="The page where it is answered.")


class Company(_View):
    company: str = Field(examples=["north-coal"])
    sites: list[SiteView]


class CompanyAlarms(_View):
    """The most urgent unanswered alarms of all sites: by severity, then the newest."""

    alarms: list[SiteAlarm]
    unanswered: int = Field(description="All of them, those that are not listed included.")


class Alive(BaseModel):
    status: str = "alive"


class Readiness(BaseModel):
    status: Literal["ready", "degraded"]
    unreachable: dict[str, str] = Field(description="Reason by unreachable site.")
