from davy.analysis.trigger import Trigger


def run(trigger, states, step_s=1.0):
    return [trigger.update(bool(now), n * step_s) for n, now in enumerate(states)]


def test_a_thing_must_last_to_be_raised_and_to_be_cleared():
    trigger = Trigger(raise_after=2, clear_after=3, cooldown_s=0)
    assert run(trigger, [1, 0, 1, 1, 0, 1, 0, 0, 0]) == [None, None, None, "raised", None, None, None, None, "cleared"]


def test_flicker_within_the_cooldown_is_one_event():
    trigger = Trigger(raise_after=1, clear_after=1, cooldown_s=30)
    changes = run(trigger, [n % 2 == 0 for n in range(60)])
    assert changes.count("raised") == 2  # at 0 s and at 30 s
    assert changes.count("cleared") == 2
