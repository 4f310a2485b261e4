from davy_edge.frames.deadline import DeadlineEstimator


def test_what_would_come_out_too_old_is_not_begun():
    outlook = DeadlineEstimator()
    for _ in range(20):
        outlook.took(0.3)
    assert outlook.is_hopeless(age_s=0.25, limit_s=0.5)
    assert not outlook.is_hopeless(age_s=0.15, limit_s=0.5)


def test_a_new_camera_is_given_a_chance_until_the_limit_itself():
    assert not DeadlineEstimator().is_hopeless(age_s=0.499, limit_s=0.5)
    assert DeadlineEstimator().is_hopeless(age_s=0.501, limit_s=0.5)


def test_one_slow_frame_is_not_believed():
    outlook = DeadlineEstimator()
    for seconds in (0.02,) * 10 + (1.0,):
        outlook.took(seconds)
    assert not outlook.is_hopeless(age_s=0.1, limit_s=0.5)


def test_after_some_refusals_it_is_tried_again():
    outlook = DeadlineEstimator()
    for _ in range(20):
        outlook.took(3.0)
    refused = 0
    while outlook.is_hopeless(age_s=0.05, limit_s=0.5):
        refused += 1
    assert 10 < refused < 25
