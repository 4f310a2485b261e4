import pytest
import yaml

from davy.domain.errors import MineFailedError
from davy.site import load_site
from davy_bench.speed.cameras import (
    CAMERAS_PER_EDGE,
    CameraSummary,
    Load,
    SustainedLoad,
    _held,
    saturation_point,
    site,
    sustain,
)
from davy_bench.speed.video import write_stream


def sustained(cameras, share=1.0, age_ms=100.0):
    return SustainedLoad(Load(cameras, (160, 120), 10, 20), [10 * share] * cameras, age_ms / 2, age_ms, cpu_s=10, span_s=20)


def camera(**changes):
    figures = {"fps": 10.0, "age_ms_p50": 5.0, "age_ms_p99": 9.0, "captured": 100, "dropped": {}, "unexplained": 0}
    return CameraSummary(**{**figures, **changes})


def test_the_mine_s_file_is_one_that_davy_takes(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(site(Load(CAMERAS_PER_EDGE + 1, (160, 120), 5, 10), tmp_path / "camera.mp4")))
    found = load_site(path)
    assert len(found.camera_ids()) == CAMERAS_PER_EDGE + 1
    assert len(found.edges) == 2


def test_the_knee_is_the_last_number_before_the_first_that_is_too_many():
    assert saturation_point([sustained(1), sustained(4), sustained(2), sustained(8, share=0.9), sustained(16)]) == 4
    assert saturation_point([sustained(1), sustained(2, age_ms=501)]) == 1
    assert saturation_point([sustained(1, share=0.5)]) == 0


def test_a_camera_hour_is_told_from_cores_and_cameras():
    assert sustained(2).cores == 0.5
    assert sustained(2).cpu_s_per_camera_hour == 900


def test_ages_are_of_the_worst_camera_and_none_where_one_gave_nothing():
    samples = [(second, second * 0.5, 2.0**20 * (100 + second)) for second in range(10)]
    load = Load(2, (160, 120), 10, 10)
    found = _held(load, [camera(), camera(age_ms_p99=30.0, dropped={"enhance superseded": 3})], samples)
    assert (found.age_ms_p99, found.dropped, found.captured) == (30.0, {"enhance superseded": 3}, 200)
    assert found.slope_mib_s == pytest.approx(1)
    assert found.cores == pytest.approx(0.5)
    silent = _held(load, [camera(), camera(fps=0.0, age_ms_p50=None, age_ms_p99=None)], samples)
    assert silent.age_ms_p99 is None
    assert not silent.kept_up


@pytest.mark.system
def test_a_mine_that_does_not_come_up_is_told_with_what_it_said(tmp_path):
    with pytest.raises(MineFailedError, match="width"):
        sustain(Load(1, (-1, 120), 5, 5), tmp_path / "none.mp4", tmp_path / "run")


@pytest.mark.system
@pytest.mark.alone
def test_a_real_mine_is_held_by_two_small_cameras(tmp_path):
    load = Load(2, (160, 120), 5, 6)
    found = sustain(load, write_stream(tmp_path / "camera.mp4", load.size, load.fps), tmp_path / "run")
    assert len(found.fps) == 2
    assert found.unexplained == 0
    assert found.cpu_s > 0
    assert found.resident_mib > 50
    assert found.age_ms_p99 is not None
