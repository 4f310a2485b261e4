"""Asks each site how it is, at intervals. A site that does not answer keeps its last figures, and their age."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from davy.client import Alarm, Client
from davy.domain.errors import DavyError, UnavailableError
from davy.domain.severity import Severity
from davy.telemetry import get_logger
from davy_company.config import CompanyConfig
from davy_company.metrics import CompanyMetrics
from davy_company.views import Company, CompanyAlarms, SiteAlarm, SiteView

log = get_logger(__name__)
UNANSWERED = ("unacknowledged", "returned")  # states that wait for a person


class SiteWatch:
    """One site.

    Args:
        view: What is known at the start: name and console.
        client: Of the site's aggregator; it stays open until `run` ends.
    """

    def __init__(self, view: SiteView, client: Client) -> None:
        self.view, self.alarms = view, tuple[SiteAlarm, ...]()
        self._client = client

    async def run(self, every_s: float, timeout_s: float, max_alarms: int, metrics: CompanyMetrics) -> None:
        """Ask until cancelled."""
        async with self._client:
            while True:
                await self.ask(timeout_s, max_alarms)
                metrics.show(self.view)
                await asyncio.sleep(every_s)

    async def ask(self, timeout_s: float, max_alarms: int) -> None:
        """Ask once. No answer within timeout_s makes the site unreachable."""
        before = self.view.state
        try:
            async with asyncio.timeout(timeout_s):
                site = await self._client.site()
                counts = await self._client.alarms.counts()
                alarms = await self._client.alarms.all(state=UNANSWERED, limit=max_alarms)
        except TimeoutError:
            self._lose(UnavailableError(f"no answer within {timeout_s:g} s"))
        except DavyError as error:  # unreachable, or it refuses the company view
            self._lose(error)
        else:
            failing = "; ".join(f"{each.name}: {each.reason}" for each in site.dependencies if not each.ok)
            self.view = SiteView(
                name=self.view.name,
                console=self.view.console,
                state=site.status,
                reason=failing,
                answered_at=datetime.now(UTC),
                site=site.site,
                version=site.version,
                time_zone=site.time_zone,
                edges=site.edges,
                cameras=site.cameras,
                live=site.live,
                alarms=counts,
            )
            self.alarms = tuple(self._alarm(each) for each in alarms)
        if self.view.state != before:
            log.info("site.state", site=self.view.name, state=self.view.state, reason=self.view.reason)

    def _lose(self, error: DavyError) -> None:
        self.view = self.view.model_copy(update={"state": "unreachable", "reason": str(error)})

    def _alarm(self, alarm: Alarm) -> SiteAlarm:
        return SiteAlarm(
            site=self.view.name,
            id=alarm.id,
            source=alarm.source,
            severity=alarm.severity,
            title=alarm.title,
            message=alarm.message,
            raised_at=alarm.raised_at,
            link=f"{self.view.console}/alarms",
        )


class CompanyWatch:
    """All sites of a company.

    Raises:
        ConfigError: an address or a file of a site cannot be used.
    """

    def __init__(self, config: CompanyConfig, metrics: CompanyMetrics) -> None:
        self._company, self._metrics = config.company, metrics
        self.sites: Mapping[str, SiteWatch] = {
            name: SiteWatch(SiteView(name=name, console=site.pages, state="waiting"), site.connect())
            for name, site in config.sites.items()
        }

    async def run(self, every_s: float, timeout_s: float, max_alarms: int) -> None:
        """Ask every site until cancelled. The first questions are spread over an interval."""
        async with asyncio.TaskGroup() as tasks:
            for number, site in enumerate(self.sites.values()):
                delay_s = every_s * number / len(self.sites)
                tasks.create_task(_later(delay_s, site, every_s, timeout_s, max_alarms, self._metrics))

    def company(self) -> Company:
        """Every site in the order of the file."""
        return Company(company=self._company, sites=[site.view for site in self.sites.values()])

    def alarms(self, limit: int) -> CompanyAlarms:
        """The most urgent unanswered alarms of all sites, at most `limit`."""
        found = [alarm for site in self.sites.values() for alarm in site.alarms]
        found.sort(key=_urgency)
        counts = [site.view.alarms.get(state, 0) for site in self.sites.values() for state in UNANSWERED]
        return CompanyAlarms(alarms=found[:limit], unanswered=sum(counts))

    def unreachable(self) -> dict[str, str]:
        """Reason by unreachable site."""
        views = [site.view for site in self.sites.values()]
        return {view.name: view.reason for view in views if view.state == "unreachable"}


def _urgency(alarm: SiteAlarm) -> tuple[int, float]:
    raised_s = alarm.raised_at.timestamp() if alarm.raised_at is not None else 0.0
    return -Severity.named(alarm.severity), -raised_s


async def _later(
    delay_s: float, site: SiteWatch, every_s: float, timeout_s: float, max_alarms: int, metrics: CompanyMetrics
) -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(delay_s)
        await site.run(every_s, timeout_s, max_alarms, metrics)
