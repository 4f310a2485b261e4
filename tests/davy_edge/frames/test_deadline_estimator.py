from davy_edge.frames.deadline_estimator import DeadlineEstimator


def test_a_frame_that_would_expire_is_not_started():
    estimator = DeadlineEstimator()
    for _ in range(20):
        estimator.record(0.3)
    assert estimator.would_expire(age_s=0.25, limit_s=0.5)
    assert not estimator.would_expire(age_s=0.15, limit_s=0.5)


def test_a_new_camera_is_given_a_chance_until_the_limit_itself():
    assert not DeadlineEstimator().would_expire(age_s=0.499, limit_s=0.5)
    assert DeadlineEstimator().would_expire(age_s=0.501, limit_s=0.5)


def test_one_slow_frame_is_not_believed():
    estimator = DeadlineEstimator()
    for seconds in (0.02,) * 10 + (1.0,):
        estimator.record(seconds)
    assert not estimator.would_expire(age_s=0.1, limit_s=0.5)


def test_after_some_refusals_it_is_tried_again():
    estimator = DeadlineEstimator()
    for _ in range(20):
        estimator.record(3.0)
    refused = 0
    while estimator.would_expire(age_s=0.05, limit_s=0.5):
        refused += 1
    assert 10 < refused < 25
