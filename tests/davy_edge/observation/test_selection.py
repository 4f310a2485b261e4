from dataclasses import replace

from tests.fixtures.scenes import scene

from davy_edge.observation.light import Light, measure, reduced_luma
from davy_edge.observation.selection import MIN_SCORE, NOVEL, ByteRateLimiter, Reason, difference, score_image


def light(number: int = 0, gain: float = 1.0, **changes) -> Light:
    return replace(measure(reduced_luma(scene(number, gain))), **changes)


GOOD = light(dark=0.0, clipped=0.0, evenness=0.6)  # an enhanced picture that leaves nothing to wish for


def test_dark_uneven_and_clipped_results_are_chosen_with_that_reason():
    known = light(gain=0.4)  # the same scene: nothing is new about it but its light
    shown = {
        Reason.DARK: replace(GOOD, dark=0.3),
        Reason.UNEVEN: replace(GOOD, evenness=0.02),
        Reason.OVER_EXPOSED: replace(GOOD, clipped=0.05),
    }
    for reason, picture in shown.items():
        found = score_image(light(), picture, [known])
        assert (found.reason, found.value > 0.9) == (reason, True)


def test_the_same_picture_again_is_worth_nothing():
    bad = replace(GOOD, dark=0.5)
    assert score_image(light(), bad, []).value == 1
    assert score_image(light(), bad, [light()]).value < 0.01
    assert score_image(light(), bad, [light(gain=0.98)]).value < MIN_SCORE


def test_the_same_scene_in_a_much_worse_light_is_new():
    assert difference(light(), light(gain=0.3)) > NOVEL
    assert score_image(light(gain=0.3), replace(GOOD, dark=0.5), [light()]).value > 0.9


def test_a_new_scene_is_chosen_although_the_model_does_well():
    found = score_image(light(3), GOOD, [light(1), light(2)])
    assert (found.reason, found.value > 0.5) == (Reason.NEW_SCENE, True)


def test_of_every_camera_something_is_worth_it_at_first():
    assert score_image(light(), GOOD, []).value == MIN_SCORE


def test_a_covered_lens_teaches_nothing():
    assert score_image(light(gain=0.0), replace(GOOD, dark=1.0), []).value == 0


def test_the_byte_rate_limit_holds_within_every_hour():
    limiter = ByteRateLimiter(1000)
    assert limiter.spend(600, now_s=0)
    assert not limiter.spend(500, now_s=1800)
    assert limiter.spend(400, now_s=1800)
    assert limiter.spend(600, now_s=3601)
    assert not limiter.spend(1, now_s=3602)
