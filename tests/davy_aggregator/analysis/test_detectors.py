"""Which detector each analyser is to run, and what they report together."""

from davy.twin.model import DesiredModel, Evaluation, ModelState, ReportedModel, Target
from davy_aggregator.analysis.detectors import Follower, desired_of, summarise
from davy_aggregator.rollout.rollout import ANALYSERS, NO_REPORT, READY, AnalysisDecision

OLD, NEW = "a" * 64, "b" * 64
TRIAL = Evaluation(shadow_frames=40, probation_s=20)
DESIRED = DesiredModel(epoch=7, model=NEW, sha256="c" * 64, size=1, rollout="r1", trial=TRIAL)
RUNNING = AnalysisDecision(DESIRED, Target(model=OLD), tries=True, starts=True)
PAUSED = AnalysisDecision(DESIRED, Target(model=OLD), tries=True, starts=False)
ENDED = AnalysisDecision(DESIRED, Target(), tries=False, starts=True)


def follower(name: str, state: ModelState = ModelState.ACTIVE, epoch: int = 6, cameras: int = 1, **fields) -> Follower:
    model = NEW if epoch == 7 and state in (ModelState.PROBATION, ModelState.ACTIVE) else OLD
    target = NEW if epoch == 7 else OLD
    report = {"epoch": epoch, "target": target, "state": state, "model": model, "frame_id": model[:8]} | fields
    return Follower(name, ReportedModel(**report), cameras)


def of(*followers: Follower) -> dict[str, Follower]:
    return {each.name: each for each in followers}


def epochs(found: dict[str, DesiredModel]) -> dict[str, tuple[int, int]]:
    return {name: (each.epoch, each.trial.shadow_frames) for name, each in found.items()}


def test_the_analyser_with_most_cameras_goes_first_and_the_others_run_what_ran_before():
    found = desired_of(RUNNING, of(follower("a"), follower("b", cameras=3), follower("c", epoch=0)))
    assert epochs(found) == {"a": (6, 0), "b": (7, 40), "c": (6, 0)}
    assert (found["c"].model, found["c"].trial.probation_s) == (OLD, 0)


def test_the_others_follow_without_a_shadow_once_the_first_is_through():
    found = desired_of(RUNNING, of(follower("a"), follower("b", epoch=7)))
    assert epochs(found) == {"a": (7, 0), "b": (7, 0)}
    assert found["a"].trial.probation_s == 20


def test_nobody_else_goes_first_while_one_is_under_way_or_has_failed():
    for state in (ModelState.SHADOW, ModelState.PROBATION):
        assert epochs(desired_of(RUNNING, of(follower("a", cameras=9), follower("b", state, 7)))) == {"a": (6, 0), "b": (7, 40)}
    for state in (ModelState.FAILED, ModelState.ROLLED_BACK):
        assert epochs(desired_of(RUNNING, of(follower("a", cameras=9), follower("b", state, 7)))) == {"a": (6, 0)}


def test_another_one_goes_first_where_the_first_has_gone():
    assert epochs(desired_of(RUNNING, of(follower("a"), follower("c")))) == {"a": (7, 40), "c": (6, 0)}


def test_a_paused_rollout_starts_nobody_else():
    assert epochs(desired_of(PAUSED, of(follower("a"), follower("b", epoch=7)))) == {"a": (6, 0)}
    assert epochs(desired_of(PAUSED, of(follower("a"), follower("b", ModelState.SHADOW, 7)))) == {"a": (6, 0), "b": (7, 40)}
    assert epochs(desired_of(PAUSED, of(follower("a")))) == {"a": (6, 0)}


def test_who_attaches_after_the_end_runs_the_detector_without_an_evaluation():
    found = desired_of(ENDED, of(follower("a", epoch=7), follower("b", epoch=0)))
    assert {each.model for each in found.values()} == {NEW}
    assert {(each.trial.shadow_frames, each.trial.probation_s) for each in found.values()} == {(0, 0)}


def test_without_a_decision_everybody_keeps_its_own():
    assert desired_of(None, of(follower("a"))) == {}
    first = AnalysisDecision(DESIRED.model_copy(update={"epoch": 1}), Target(), tries=True, starts=True)
    assert epochs(desired_of(first, of(follower("a", epoch=0), follower("b", epoch=0)))) == {"a": (1, 40)}


def test_the_analysis_is_active_once_all_are_and_says_how_many_are():
    half = summarise(RUNNING, of(follower("a"), follower("b", epoch=7)), NO_REPORT)
    assert (half.epoch, half.state, half.reason) == (7, ModelState.WAITING, "1 of 2 analysers run it")
    assert (half.figures[ANALYSERS], half.figures[READY]) == (2, 1)
    done = summarise(RUNNING, of(follower("a", epoch=7), follower("b", epoch=7, figures={"found-share": 1.0})), NO_REPORT)
    assert (done.state, done.model, done.reason) == (ModelState.ACTIVE, NEW, "")
    assert done.figures == {"found-share": 1.0, ANALYSERS: 2.0, READY: 2.0}


def test_one_that_fails_fails_the_analysis_by_its_name():
    failed = follower("b", ModelState.FAILED, 7, cause="signature", reason="no trusted key signed it")
    found = summarise(RUNNING, of(follower("a", epoch=7), failed), NO_REPORT)
    assert (found.state, found.cause, found.reason) == (
        ModelState.FAILED,
        "signature",
        "analyser b: no trusted key signed it",
    )


def test_the_least_advanced_step_is_the_analysis_own():
    found = summarise(RUNNING, of(follower("a", ModelState.PROBATION, 7), follower("b", ModelState.DOWNLOADING, 7)), NO_REPORT)
    assert found.state is ModelState.DOWNLOADING


def test_an_epoch_of_another_history_stands_in_the_report_so_that_it_is_decided_again():
    assert summarise(RUNNING, of(follower("a", epoch=7), follower("b", epoch=99)), NO_REPORT).epoch == 99
    other = summarise(RUNNING, of(follower("a", epoch=7), follower("b", epoch=7, target="d" * 64)), NO_REPORT)
    assert other.target == "d" * 64


def test_without_analysers_the_last_report_stands():
    last = summarise(ENDED, of(follower("a", epoch=7)), NO_REPORT)
    alone = summarise(ENDED, {}, last)
    assert (alone.model, alone.state, alone.figures[ANALYSERS], alone.reason) == (
        NEW,
        ModelState.ACTIVE,
        0,
        "no analyser is attached",
    )
