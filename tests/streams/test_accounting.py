import threading

from hypothesis import given
from hypothesis import strategies as st

from davy.domain.drops import SINKS, DropPoint, DropReason
from davy.streams.accounting import FrameAccounting, FrameCounters

BEFORE_SINKS = [point for point in DropPoint if point not in SINKS]


def sums_hold(account: FrameCounters) -> bool:
    return account.captured == account.enhanced + account.dropped_before_sinks + account.in_flight and all(
        account.enhanced == account.sent[sink] + account.dropped_by(sink) + account.pending(sink) for sink in account.sinks
    )


def test_a_frame_is_in_flight_until_it_is_enhanced_or_dropped():
    accounting = FrameAccounting(["face"])
    assert [accounting.capture("face") for _ in range(3)] == [1, 2, 3]
    accounting.enhance("face")
    accounting.drop("face", DropPoint.ENHANCE, DropReason.TOO_OLD)
    account = accounting.read()["face"]
    assert (account.captured, account.enhanced, account.dropped_before_sinks, account.in_flight) == (3, 1, 1, 1)


def test_a_drop_by_one_sink_is_no_part_of_the_first_sum():
    accounting = FrameAccounting(["face"])
    accounting.capture("face")
    accounting.enhance("face")
    accounting.drop("face", DropPoint.GRPC, DropReason.NO_CREDIT)
    account = accounting.read()["face"]
    assert (account.in_flight, account.dropped_before_sinks) == (0, 0)
    assert (account.pending(DropPoint.MQTT), account.pending(DropPoint.GRPC)) == (1, 0)


def test_an_account_that_was_read_does_not_change():
    accounting = FrameAccounting(["face"])
    before = accounting.read()["face"]
    accounting.capture("face")
    accounting.drop("face", DropPoint.CAPTURE, DropReason.STOPPED)
    assert (before.captured, before.dropped_before_sinks) == (0, 0)


step = st.one_of(
    st.just(("capture",)),
    st.just(("enhance",)),
    st.tuples(st.just("drop"), st.sampled_from(BEFORE_SINKS), st.sampled_from(list(DropReason))),
    st.tuples(st.just("sink"), st.sampled_from(SINKS), st.sampled_from([None, *DropReason])),
)


@given(st.lists(step, max_size=60))
def test_p3_the_sums_hold_after_every_possible_history(history):
    accounting = FrameAccounting(["face"])
    for what, *how in history:
        account = accounting.read()["face"]
        if what == "capture":
            accounting.capture("face")
        elif what == "sink" and account.pending(how[0]):
            accounting.send("face", how[0]) if how[1] is None else accounting.drop("face", how[0], how[1])
        elif what == "enhance" and account.in_flight:
            accounting.enhance("face")
        elif what == "drop" and account.in_flight:
            accounting.drop("face", how[0], how[1])
        account = accounting.read()["face"]
        assert sums_hold(account)
        assert account.in_flight >= 0
        assert all(account.pending(sink) >= 0 for sink in SINKS)


def test_p3_no_thread_ever_sees_a_sum_that_does_not_hold():
    accounting, stop = FrameAccounting(["face"]), threading.Event()

    def work() -> None:
        while not stop.is_set():
            if accounting.capture("face") % 3:
                accounting.enhance("face")
                accounting.send("face", DropPoint.MQTT)
                accounting.drop("face", DropPoint.GRPC, DropReason.OFFLINE)
            else:
                accounting.drop("face", DropPoint.ENHANCE, DropReason.SUPERSEDED)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    seen = [accounting.read()["face"] for _ in range(2000)]
    stop.set()
    for thread in threads:
        thread.join()
    assert all(0 <= account.in_flight <= 3 for account in seen)
    assert all(0 <= account.pending(sink) <= 3 for account in seen for sink in SINKS)
    assert accounting.read()["face"].in_flight == 0


def test_a_camera_that_comes_back_goes_on_counting():
    """The aggregator takes a seq that it has seen in this boot for an old frame."""
    accounting = FrameAccounting(["face"])
    assert [accounting.capture("face"), accounting.capture("face")] == [1, 2]
    accounting.retire("face")
    accounting.drop("face", DropPoint.ENHANCE, DropReason.STOPPED)  # one that was under way
    assert accounting.read() == {}
    accounting.open("face")
    assert accounting.capture("face") == 3
    assert accounting.read()["face"].in_flight == 2


def test_what_is_entered_for_a_camera_that_never_was_is_lost_and_harms_nobody():
    accounting = FrameAccounting[str]([])
    accounting.retire("face")
    accounting.send("face", DropPoint.MQTT)
    assert accounting.read() == {}


def test_cameras_that_come_and_go_for_ever_take_no_more_memory():
    accounting = FrameAccounting[str]([])
    for number in range(300):
        accounting.open(f"c{number}")
        accounting.retire(f"c{number}")
    assert len(accounting._retired) == 256
