import threading

from hypothesis import given
from hypothesis import strategies as st

from davy.telemetry import DropReason, DropStage
from davy_edge.frames.accounting import SINKS, FrameAccounting, FrameCounters

BEFORE_SINKS = [stage for stage in DropStage if stage not in SINKS]


def sums_hold(account: FrameCounters) -> bool:
    return account.captured == account.enhanced + account.dropped_before_sinks + account.in_flight and all(
        account.enhanced == account.sent[sink] + account.dropped_by(sink) + account.pending(sink) for sink in account.sinks
    )


def test_a_frame_is_in_flight_until_it_is_enhanced_or_dropped():
    ledger = FrameAccounting(["face"])
    assert [ledger.capture("face") for _ in range(3)] == [1, 2, 3]
    ledger.enhance("face")
    ledger.drop("face", DropStage.ENHANCE, DropReason.TOO_OLD)
    account = ledger.read()["face"]
    assert (account.captured, account.enhanced, account.dropped_before_sinks, account.in_flight) == (3, 1, 1, 1)


def test_a_drop_by_one_sink_is_no_part_of_the_first_sum():
    ledger = FrameAccounting(["face"])
    ledger.capture("face")
    ledger.enhance("face")
    ledger.drop("face", DropStage.GRPC, DropReason.NO_CREDIT)
    account = ledger.read()["face"]
    assert (account.in_flight, account.dropped_before_sinks) == (0, 0)
    assert (account.pending(DropStage.MQTT), account.pending(DropStage.GRPC)) == (1, 0)


def test_an_account_that_was_read_does_not_change():
    ledger = FrameAccounting(["face"])
    before = ledger.read()["face"]
    ledger.capture("face")
    ledger.drop("face", DropStage.CAPTURE, DropReason.STOPPED)
    assert (before.captured, before.dropped_before_sinks) == (0, 0)


step = st.one_of(
    st.just(("capture",)),
    st.just(("enhance",)),
    st.tuples(st.just("drop"), st.sampled_from(BEFORE_SINKS), st.sampled_from(list(DropReason))),
    st.tuples(st.just("sink"), st.sampled_from(SINKS), st.sampled_from([None, *DropReason])),
)


@given(st.lists(step, max_size=60))
def test_p3_the_sums_hold_after_every_possible_history(history):
    ledger = FrameAccounting(["face"])
    for what, *how in history:
        account = ledger.read()["face"]
        if what == "capture":
            ledger.capture("face")
        elif what == "sink" and account.pending(how[0]):
            ledger.send("face", how[0]) if how[1] is None else ledger.drop("face", how[0], how[1])
        elif what == "enhance" and account.in_flight:
            ledger.enhance("face")
        elif what == "drop" and account.in_flight:
            ledger.drop("face", how[0], how[1])
        account = ledger.read()["face"]
        assert sums_hold(account)
        assert account.in_flight >= 0
        assert all(account.pending(sink) >= 0 for sink in SINKS)


def test_p3_no_thread_ever_sees_a_sum_that_does_not_hold():
    ledger, stop = FrameAccounting(["face"]), threading.Event()

    def work() -> None:
        while not stop.is_set():
            if ledger.capture("face") % 3:
                ledger.enhance("face")
                ledger.send("face", DropStage.MQTT)
                ledger.drop("face", DropStage.GRPC, DropReason.OFFLINE)
            else:
                ledger.drop("face", DropStage.ENHANCE, DropReason.SUPERSEDED)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    seen = [ledger.read()["face"] for _ in range(2000)]
    stop.set()
    for thread in threads:
        thread.join()
    assert all(0 <= account.in_flight <= 3 for account in seen)
    assert all(0 <= account.pending(sink) <= 3 for account in seen for sink in SINKS)
    assert ledger.read()["face"].in_flight == 0


def test_a_camera_that_comes_back_goes_on_counting():
    """The aggregator takes a seq that it has seen in this boot for an old frame."""
    ledger = FrameAccounting(["face"])
    assert [ledger.capture("face"), ledger.capture("face")] == [1, 2]
    ledger.retire("face")
    ledger.drop("face", DropStage.ENHANCE, DropReason.STOPPED)  # one that was under way
    assert ledger.read() == {}
    ledger.open("face")
    assert ledger.capture("face") == 3
    assert ledger.read()["face"].in_flight == 2


def test_what_is_entered_for_a_camera_that_never_was_is_lost_and_harms_nobody():
    ledger = FrameAccounting([])
    ledger.retire("face")
    ledger.send("face", DropStage.MQTT)
    assert ledger.read() == {}


def test_cameras_that_come_and_go_for_ever_take_no_more_memory():
    ledger = FrameAccounting([])
    for number in range(300):
        ledger.open(f"c{number}")
        ledger.retire(f"c{number}")
    assert len(ledger._retired) == 256
