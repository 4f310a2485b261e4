import asyncio
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from tests.fixtures.identities import Identities

from davy.adapters.tls.watch import LocalRenewer, watch_identity
from davy.domain.errors import AggregatorUnavailableError
from davy.domain.severity import Severity

pytestmark = pytest.mark.system


class Away:
    """A renewer that does not answer."""

    def renew(self):
        raise AggregatorUnavailableError("https://aggregator:8080", "it is away")

    revocations = renew


@asynccontextmanager
async def watching(tls, renewer):
    events: list[tuple[str, str, Severity]] = []

    async def report(kind, message, severity):
        events.append((kind, message, severity))

    task = asyncio.create_task(watch_identity(tls, report, renewer, every_s=0.05))
    try:
        yield events
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition):
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110  # files have no event
            await asyncio.sleep(0.02)


async def test_an_identity_under_a_third_of_its_life_is_renewed_once_and_reported(identities):
    tls = identities.aged("aggregator/main")
    before = tls.certificate
    async with watching(tls, LocalRenewer(identities.authority, tls)) as events:
        await until(lambda: events)
        assert tls.certificate.serial_number != before.serial_number
        await asyncio.sleep(0.3)  # further looks renew nothing
    assert [(kind, severity) for kind, _, severity in events] == [("certificate-renewed", Severity.INFO)]
    assert "davy://demo/aggregator/main" in events[0][1]


async def test_a_young_identity_is_left_alone(identities):
    tls = identities.tls("aggregator/main")
    async with watching(tls, LocalRenewer(identities.authority, tls)) as events:
        await asyncio.sleep(0.4)  # some eight looks
    assert (events, tls.version) == ([], 1)


@pytest.mark.parametrize("renewer", [None, Away()])
async def test_an_identity_that_cannot_be_renewed_is_warned_of_once(identities, renewer):
    tls = identities.aged("edge/west")
    async with watching(tls, renewer) as events:
        await until(lambda: events)
        await asyncio.sleep(0.3)  # further looks add nothing
    assert [(kind, severity) for kind, _, severity in events] == [("certificate-expiring", Severity.WARNING)]
    assert "davy identity rotate" in events[0][1]


async def test_an_expired_identity_is_an_alarm(identities):
    tls = identities.tls("edge/west", days=-0.001)
    async with watching(tls, None) as events:
        await until(lambda: events)
    assert [(kind, severity) for kind, _, severity in events] == [("certificate-expired", Severity.ALARM)]


async def test_a_revocation_reaches_an_identity_that_renews(identities):
    tls = identities.tls("aggregator/main")
    serial = identities.write("edge/west").certificate.serial_number
    async with watching(tls, LocalRenewer(identities.authority, tls)):
        identities.revoke("edge/west")
        await until(lambda: serial in tls.revoked)


async def test_a_list_of_revocations_by_somebody_else_is_not_taken(identities, tmp_path):
    tls, foreign = identities.tls("aggregator/main"), Identities.make(tmp_path / "foreign")
    foreign.write("edge/west")
    foreign.revoke("edge/west")
    before = tls.credentials.crl
    async with watching(tls, LocalRenewer(foreign.authority, tls)):
        await asyncio.sleep(0.4)  # some eight looks
    assert tls.credentials.crl == before


async def test_the_expiry_is_a_metric_that_follows_the_files(identities):
    tls, registry = identities.tls("edge/west"), CollectorRegistry()
    tls.install_metrics(registry)

    def expiry() -> float | None:
        return registry.get_sample_value("davy_certificate_expiry_timestamp_seconds", {"identity": "davy://demo/edge/west"})

    assert expiry() == tls.certificate.not_valid_after_utc.timestamp()
    made = identities.write("edge/west", days=60)
    await until(lambda: expiry() == made.certificate.not_valid_after_utc.timestamp())
