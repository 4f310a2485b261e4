from prometheus_client import CollectorRegistry

from davy.domain.camera import CameraAddress
from davy.domain.drops import DropPoint, DropReason
from davy.streams.accounting import FrameAccounting
from davy.streams.metrics import FrameCollector, labels_of_edge
from davy_demo.accounting import CameraAccount, read_accounts

FACE = CameraAddress("demo", "north", "face")


def test_an_account_sums_the_counters_of_a_service():
    registry = CollectorRegistry()
    accounting = FrameAccounting(["face"])
    registry.register(FrameCollector(labels_of_edge("north"), accounting))
    for _ in range(10):
        accounting.capture("face")
    for _ in range(7):
        accounting.enhance("face")
    for _ in range(5):
        accounting.drop("face", DropPoint.MQTT, DropReason.OFFLINE)
    for _ in range(2):
        accounting.drop("face", DropPoint.ENHANCE, DropReason.SUPERSEDED)
    account = read_accounts("demo", [registry])[FACE]
    assert (account.captured, account.enhanced, account.lost, account.in_flight) == (10, 7, 2, 1)
    assert account.unexplained == 0


def test_an_uncounted_frame_is_unexplained():
    assert CameraAccount(captured=10, enhanced=8).unexplained == 2
