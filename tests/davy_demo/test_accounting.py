from prometheus_client import CollectorRegistry

from davy.domain.frame import CameraId
from davy.telemetry import FrameMetrics
from davy_demo.accounting import CameraAccount, read_accounts

FACE = CameraId("demo", "north", "face")


def test_an_account_adds_up_what_a_service_counted():
    registry = CollectorRegistry()
    metrics = FrameMetrics(registry)
    metrics.captured.labels("north", "face").inc(10)
    metrics.enhanced.labels("north", "face").inc(7)
    metrics.dropped.labels("north", "face", "enhance", "superseded").inc(2)
    metrics.dropped.labels("north", "face", "mqtt", "offline").inc(5)
    metrics.in_flight.labels("north", "face").set(1)
    account = read_accounts("demo", [registry])[FACE]
    assert (account.captured, account.enhanced, account.lost, account.in_flight) == (10, 7, 2, 1)
    assert account.unexplained == 0


def test_a_frame_that_nobody_counted_is_unexplained():
    assert CameraAccount(captured=10, enhanced=8).unexplained == 2
