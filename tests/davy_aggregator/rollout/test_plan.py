import pytest
from pydantic import ValidationError

from davy.domain.errors import ConflictError
from davy.twin.model import ModelState, ReportedModel, Target
from davy_aggregator.rollout.plan import advance, assign_waves, send_back, state_of
from davy_aggregator.rollout.rollout import EdgeView, Member, Rollout, RolloutSpec, RolloutState

NEW, OLD = Target(model="a" * 64, sha256="b" * 64, size=10, key="k"), Target(model="c" * 64)
S = 1_000_000_000


class Fleet:
    """Edges of a test: who is online, and what they said last."""

    def __init__(self, *edges: str) -> None:
        self.views = {edge: EdgeView(online=True) for edge in edges}

    def __call__(self, edge: str) -> EdgeView:
        return self.views[edge]

    def say(self, rollout: Rollout, edge: str, state: ModelState = ModelState.ACTIVE, cause: str = "") -> None:
        reported = ReportedModel(epoch=rollout.members[edge].epoch, state=state, model=NEW.model, cause=cause, reason=cause)
        self.views[edge] = EdgeView(self.views[edge].online, self.views[edge].since_ns, reported)

    def leave(self, edge: str) -> None:
        self.views[edge] = EdgeView(False, 0, self.views[edge].reported)

    def come_back(self, edge: str, now_ns: int) -> None:
        self.views[edge] = EdgeView(True, now_ns, self.views[edge].reported)


def begun(count: int = 20, **spec) -> tuple[Rollout, Fleet]:
    edges = [f"e{index:02}" for index in range(count)]
    asked = RolloutSpec(model="x", **spec)
    members = {edge: Member(wave=wave, baseline=OLD) for edge, wave in assign_waves(edges, asked).items()}
    rollout = Rollout(id="r", spec=asked, target=NEW, frame_id="f", created_ns=1, members=members)
    return rollout, Fleet(*edges)


def told(rollout: Rollout) -> list[str]:
    return [edge for edge, member in rollout.members.items() if member.epoch]


def drive(rollout: Rollout, fleet: Fleet, now_ns: int = S, epoch: int = 1) -> Rollout:
    """Every edge that is online and told to does as it is told, until nothing changes."""
    while (after := advance(rollout, fleet, now_ns, epoch)) is not rollout:
        rollout, epoch = after, epoch + 1
        for edge in told(rollout):
            if fleet(edge).online and fleet(edge).reported.epoch != rollout.members[edge].epoch:
                fleet.say(rollout, edge)
    return rollout


def test_waves_are_canaries_then_a_tenth_then_a_half_then_all():
    waves = list(assign_waves([f"e{index}" for index in range(200)], RolloutSpec(model="x")).values())
    assert [waves.count(wave) for wave in range(4)] == [1, 19, 80, 100]
    assert list(assign_waves(["a", "b"], RolloutSpec(model="x", canaries=5)).values()) == [0, 1]  # a tenth at most, but one
    assert list(assign_waves(["a"], RolloutSpec(model="x")).values()) == [0]


def test_only_the_canary_is_told_first_and_only_it_has_a_shadow():
    rollout, fleet = begun()
    rollout = advance(rollout, fleet, S, 7)
    assert told(rollout) == ["e00"]
    assert rollout.desired("e00").trial.shadow_frames == 40
    assert rollout.desired("e00").epoch == 7
    assert rollout.desired("e01") is None
    assert advance(rollout, fleet, 2 * S, 8) is rollout  # it has not answered
    for state in (ModelState.DOWNLOADING, ModelState.SHADOW, ModelState.PROBATION):
        fleet.say(rollout, "e00", state)
        assert advance(rollout, fleet, 2 * S, 8) is rollout
    fleet.say(rollout, "e00")
    rollout = advance(rollout, fleet, 2 * S, 8)
    assert told(rollout) == ["e00", "e01"]
    assert rollout.desired("e01").trial.shadow_frames == 0


def test_every_wave_follows_the_one_before_to_the_end():
    rollout, fleet = begun()
    rollout = drive(rollout, fleet)
    assert (rollout.state, len(told(rollout))) == (RolloutState.DONE, 20)


def test_f22_a_canary_that_fails_takes_it_back_and_no_other_edge_hears_of_it():
    for state in (ModelState.FAILED, ModelState.ROLLED_BACK):
        rollout, fleet = begun()
        rollout = advance(rollout, fleet, S, 1)
        fleet.say(rollout, "e00", state, "gate:black")
        rollout = advance(rollout, fleet, 2 * S, 2)
        assert rollout.state is RolloutState.ROLLED_BACK
        assert "e00" in rollout.reason
        assert "gate:black" in rollout.reason
        assert told(rollout) == ["e00"]
        back = rollout.desired("e00")
        assert (back.model, back.epoch, back.trial.probation_s) == (OLD.model, 2, 0)
        assert state_of(rollout, "e00", fleet) is ModelState.WAITING  # its answer was to the epoch before


def test_failures_after_the_canaries_are_borne_up_to_the_share():
    rollout, fleet = begun(count=40, failures=0.25)
    for now, epoch in ((1, 1), (2, 2)):
        rollout = advance(rollout, fleet, now * S, epoch)
        for edge in told(rollout):
            fleet.say(rollout, edge)
    fleet.say(rollout, "e01", ModelState.FAILED, "storage")
    assert advance(rollout, fleet, 3 * S, 3).state is RolloutState.RUNNING  # 1 of 4
    fleet.say(rollout, "e02", ModelState.FAILED, "storage")
    assert advance(rollout, fleet, 3 * S, 3).state is RolloutState.ROLLED_BACK


def test_f23_offline_edges_are_told_and_not_waited_for_but_canaries_are():
    rollout, fleet = begun()
    fleet.leave("e19")
    fleet.leave("e05")
    rollout = drive(rollout, fleet)
    assert rollout.state is RolloutState.DONE
    assert "2 edges are offline" in rollout.reason
    assert rollout.desired("e19").model == NEW.model  # retained: it converges to this when it is back
    alone, fleet = begun()
    alone = advance(alone, fleet, S, 1)
    fleet.leave("e00")
    assert advance(alone, fleet, 10_000 * S, 2) is alone


def test_f23_no_more_edges_a_minute_are_started_than_allowed():
    rollout, fleet = begun(count=60, per_minute=10, waves=(1.0,))
    rollout = drive(rollout, fleet, now_ns=100 * S)
    assert len(told(rollout)) == 10
    rollout = drive(rollout, fleet, now_ns=161 * S, epoch=20)
    assert len(told(rollout)) == 20


def test_an_edge_that_is_online_and_never_answers_has_failed_after_its_time():
    rollout, fleet = begun(wave_timeout_s=60)
    rollout = advance(rollout, fleet, S, 1)
    assert advance(rollout, fleet, 60 * S, 2) is rollout
    fleet.leave("e00")
    fleet.come_back("e00", 100 * S)
    assert advance(rollout, fleet, 150 * S, 2) is rollout  # it was away: its time begins anew
    assert "not done after 60 s" in advance(rollout, fleet, 162 * S, 2).reason


def test_paused_tells_nobody_but_a_fault_still_takes_it_back():
    rollout, fleet = begun()
    rollout = advance(rollout, fleet, S, 1)
    rollout = rollout.model_copy(update={"state": RolloutState.PAUSED})
    fleet.say(rollout, "e00")
    assert told(advance(rollout, fleet, 2 * S, 2)) == ["e00"]
    fleet.say(rollout, "e00", ModelState.ROLLED_BACK, "probation:errors")
    assert advance(rollout, fleet, 2 * S, 2).state is RolloutState.ROLLED_BACK


def test_what_has_ended_does_not_change():
    rollout, fleet = begun()
    rollout = send_back(advance(rollout, fleet, S, 1), RolloutState.ABORTED, "no", 2 * S, 2)
    assert advance(rollout, fleet, 3 * S, 3) is rollout
    with pytest.raises(ConflictError, match="aborted"):
        send_back(rollout, RolloutState.ABORTED, "again", 3 * S, 3)


@pytest.mark.parametrize(
    "wrong",
    [{"waves": (0.5, 0.1, 1)}, {"waves": (0.5,)}, {"waves": ()}, {"edges": ("A",)}, {"canaries": 0}, {"edges": ("a", "a")}],
)
def test_a_wrong_spec_is_refused(wrong):
    with pytest.raises(ValidationError):
        RolloutSpec(model="x", **wrong)
