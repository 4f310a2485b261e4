import pytest
from pydantic import ValidationError

from davy.domain.errors import ConflictError
from davy.twin.model import ModelState, ReportedModel, Target
from davy_aggregator.rollout.plan import advance, assign_waves, send_back, state_of
from davy_aggregator.rollout.rollout import EdgeView, Member, Rollout, RolloutSpec, RolloutState

NEW, OLD = Target(model="a" * 64, sha256="b" * 64, size=10, key="k"), Target(model="c" * 64)
S = 1_000_000_000


class Edges:
    """Edges of a test: their presence and their newest reports."""

    def __init__(self, *edges: str) -> None:
        self.views = {edge: EdgeView(online=True) for edge in edges}

    def __call__(self, edge: str) -> EdgeView:
        return self.views[edge]

    def report(self, rollout: Rollout, edge: str, state: ModelState = ModelState.ACTIVE, cause: str = "") -> None:
        reported = ReportedModel(epoch=rollout.members[edge].epoch, state=state, model=NEW.model, cause=cause, reason=cause)
        self.views[edge] = EdgeView(self.views[edge].online, self.views[edge].since_ns, reported)

    def leave(self, edge: str) -> None:
        self.views[edge] = EdgeView(False, 0, self.views[edge].reported)

    def come_back(self, edge: str, now_ns: int) -> None:
        self.views[edge] = EdgeView(True, now_ns, self.views[edge].reported)


def begun(count: int = 20, **spec) -> tuple[Rollout, Edges]:
    edges = [f"e{index:02}" for index in range(count)]
    asked = RolloutSpec(model="x", **spec)
    members = {edge: Member(wave=wave, baseline=OLD) for edge, wave in assign_waves(edges, asked).items()}
    rollout = Rollout(id="r", spec=asked, target=NEW, frame_id="f", created_ns=1, members=members)
    return rollout, Edges(*edges)


def started(rollout: Rollout) -> list[str]:
    return [edge for edge, member in rollout.members.items() if member.epoch]


def drive(rollout: Rollout, edges: Edges, now_ns: int = S, epoch: int = 1) -> Rollout:
    """Every started edge that is online reports success, until nothing changes."""
    while (after := advance(rollout, edges, now_ns, epoch)) is not rollout:
        rollout, epoch = after, epoch + 1
        for edge in started(rollout):
            if edges(edge).online and edges(edge).reported.epoch != rollout.members[edge].epoch:
                edges.report(rollout, edge)
    return rollout


def test_waves_are_canaries_then_a_tenth_then_a_half_then_all():
    waves = list(assign_waves([f"e{index}" for index in range(200)], RolloutSpec(model="x")).values())
    assert [waves.count(wave) for wave in range(4)] == [1, 19, 80, 100]
    assert list(assign_waves(["a", "b"], RolloutSpec(model="x", canaries=5)).values()) == [0, 1]  # a tenth at most, but one
    assert list(assign_waves(["a"], RolloutSpec(model="x")).values()) == [0]


def test_only_the_canary_starts_first_and_only_it_has_a_shadow():
    rollout, edges = begun()
    rollout = advance(rollout, edges, S, 7)
    assert started(rollout) == ["e00"]
    assert rollout.desired("e00").trial.shadow_frames == 40
    assert rollout.desired("e00").epoch == 7
    assert rollout.desired("e01") is None
    assert advance(rollout, edges, 2 * S, 8) is rollout  # it has not answered
    for state in (ModelState.DOWNLOADING, ModelState.SHADOW, ModelState.PROBATION):
        edges.report(rollout, "e00", state)
        assert advance(rollout, edges, 2 * S, 8) is rollout
    edges.report(rollout, "e00")
    rollout = advance(rollout, edges, 2 * S, 8)
    assert started(rollout) == ["e00", "e01"]
    assert rollout.desired("e01").trial.shadow_frames == 0


def test_every_wave_follows_the_one_before_to_the_end():
    rollout, edges = begun()
    rollout = drive(rollout, edges)
    assert (rollout.state, len(started(rollout))) == (RolloutState.DONE, 20)


def test_f22_a_failed_canary_rolls_back_before_any_other_edge():
    for state in (ModelState.FAILED, ModelState.ROLLED_BACK):
        rollout, edges = begun()
        rollout = advance(rollout, edges, S, 1)
        edges.report(rollout, "e00", state, "gate:black")
        rollout = advance(rollout, edges, 2 * S, 2)
        assert rollout.state is RolloutState.ROLLED_BACK
        assert "e00" in rollout.reason
        assert "gate:black" in rollout.reason
        assert started(rollout) == ["e00"]
        back = rollout.desired("e00")
        assert (back.model, back.epoch, back.trial.probation_s) == (OLD.model, 2, 0)
        assert state_of(rollout, "e00", edges) is ModelState.WAITING  # its answer was to the epoch before


def test_failures_after_the_canaries_are_borne_up_to_the_share():
    rollout, edges = begun(count=40, failures=0.25)
    for now, epoch in ((1, 1), (2, 2)):
        rollout = advance(rollout, edges, now * S, epoch)
        for edge in started(rollout):
            edges.report(rollout, edge)
    edges.report(rollout, "e01", ModelState.FAILED, "storage")
    assert advance(rollout, edges, 3 * S, 3).state is RolloutState.RUNNING  # 1 of 4
    edges.report(rollout, "e02", ModelState.FAILED, "storage")
    assert advance(rollout, edges, 3 * S, 3).state is RolloutState.ROLLED_BACK


def test_f23_offline_edges_start_and_are_not_waited_for_but_canaries_are():
    rollout, edges = begun()
    edges.leave("e19")
    edges.leave("e05")
    rollout = drive(rollout, edges)
    assert rollout.state is RolloutState.DONE
    assert "2 edges are offline" in rollout.reason
    assert rollout.desired("e19").model == NEW.model  # retained: it converges to this when it is back
    alone, edges = begun()
    alone = advance(alone, edges, S, 1)
    edges.leave("e00")
    assert advance(alone, edges, 10_000 * S, 2) is alone


def test_f23_no_more_edges_a_minute_are_started_than_allowed():
    rollout, edges = begun(count=60, per_minute=10, waves=(1.0,))
    rollout = drive(rollout, edges, now_ns=100 * S)
    assert len(started(rollout)) == 10
    rollout = drive(rollout, edges, now_ns=161 * S, epoch=20)
    assert len(started(rollout)) == 20


def test_an_edge_that_is_online_and_never_answers_has_failed_after_its_time():
    rollout, edges = begun(wave_timeout_s=60)
    rollout = advance(rollout, edges, S, 1)
    assert advance(rollout, edges, 60 * S, 2) is rollout
    edges.leave("e00")
    edges.come_back("e00", 100 * S)
    assert advance(rollout, edges, 150 * S, 2) is rollout  # it was away: its time begins anew
    assert "not done after 60 s" in advance(rollout, edges, 162 * S, 2).reason


def test_a_paused_rollout_starts_no_edge_but_a_failure_still_reverts_it():
    rollout, edges = begun()
    rollout = advance(rollout, edges, S, 1)
    rollout = rollout.model_copy(update={"state": RolloutState.PAUSED})
    edges.report(rollout, "e00")
    assert started(advance(rollout, edges, 2 * S, 2)) == ["e00"]
    edges.report(rollout, "e00", ModelState.ROLLED_BACK, "probation:errors")
    assert advance(rollout, edges, 2 * S, 2).state is RolloutState.ROLLED_BACK


def test_an_ended_rollout_does_not_change():
    rollout, edges = begun()
    rollout = send_back(advance(rollout, edges, S, 1), RolloutState.ABORTED, "no", 2 * S, 2)
    assert advance(rollout, edges, 3 * S, 3) is rollout
    with pytest.raises(ConflictError, match="aborted"):
        send_back(rollout, RolloutState.ABORTED, "again", 3 * S, 3)


@pytest.mark.parametrize(
    "wrong",
    [{"waves": (0.5, 0.1, 1)}, {"waves": (0.5,)}, {"waves": ()}, {"edges": ("A",)}, {"canaries": 0}, {"edges": ("a", "a")}],
)
def test_a_wrong_spec_is_refused(wrong):
    with pytest.raises(ValidationError):
        RolloutSpec(model="x", **wrong)
