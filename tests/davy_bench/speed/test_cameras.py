import pytest
import yaml

from davy.domain.errors import MineFailedError
from davy.site import load_site
from davy_bench.speed.cameras import (
    CAMERAS_PER_EDGE,
    CameraSummary,
    measure_load,
    site,
    summarise,
)
from davy_bench.speed.load import Load, SustainedLoad, saturation_point
from davy_bench.speed.video import write_stream


def sustained(cameras, share=1.0, age_ms=100.0):
    return SustainedLoad(Load(cameras, (160, 120), 10, 20), [10 * share] * cameras, age_ms / 2, age_ms, cpu_s=10, span_s=20)


def camera(**changes):
    figures = {"fps": 10.0, "age_ms_p50": 5.0, "age_ms_p99": 9.0, "captured": 100, "dropped": {}, "unexplained": 0}
    return CameraSummary(**{**figures, **changes})


def test_the_written_site_file_is_valid(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(site(Load(CAMERAS_PER_EDGE + 1, (160, 120), 5, 10), [tmp_path / "camera.mp4"])))
    found = load_site(path)
    assert len(found.camera_ids()) == CAMERAS_PER_EDGE + 1
    assert len(found.edges) == 2


def test_the_saturation_point_is_the_last_number_below_the_first_unsustained_one():
    assert saturation_point([sustained(1), sustained(4), sustained(2), sustained(8, share=0.9), sustained(16)]) == 4
    assert saturation_point([sustained(1), sustained(2, age_ms=501)]) == 1
    assert saturation_point([sustained(1, share=0.5)]) == 0


def test_cpu_time_per_camera_hour_follows_from_cores_and_cameras():
    assert sustained(2).cores == 0.5
    assert sustained(2).cpu_s_per_camera_hour == 900


def test_ages_are_those_of_the_slowest_camera_or_none():
    samples = [(second, second * 0.5, 2.0**20 * (100 + second)) for second in range(10)]
    load = Load(2, (160, 120), 10, 10)
    found = summarise(load, [camera(), camera(age_ms_p99=30.0, dropped={"enhance superseded": 3})], samples)
    assert (found.age_ms_p99, found.dropped, found.captured) == (30.0, {"enhance superseded": 3}, 200)
    assert found.slope_mib_s == pytest.approx(1)
    assert found.cores == pytest.approx(0.5)
    silent = summarise(load, [camera(), camera(fps=0.0, age_ms_p50=None, age_ms_p99=None)], samples)
    assert silent.age_ms_p99 is None
    assert not silent.is_sustained


@pytest.mark.system
def test_an_error_about_a_failed_start_has_its_output(tmp_path):
    with pytest.raises(MineFailedError, match="width"):
        measure_load(Load(1, (-1, 120), 5, 5), [tmp_path / "none.mp4"], tmp_path / "run")


@pytest.mark.system
@pytest.mark.alone
def test_a_complete_mine_sustains_two_small_cameras(tmp_path):
    load = Load(2, (160, 120), 5, 6)
    found = measure_load(load, [write_stream(tmp_path / "camera.mp4", load.size, load.fps)], tmp_path / "run")
    assert len(found.fps) == 2
    assert found.unexplained == 0
    assert found.cpu_s > 0
    assert found.resident_mib > 50
    assert found.age_ms_p99 is not None
