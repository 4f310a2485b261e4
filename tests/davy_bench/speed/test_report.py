import json

import pytest

from davy_bench.speed.load import Load, SustainedLoad
from davy_bench.speed.memory import Memory
from davy_bench.speed.methods import CLAHE, LEARNED, STILL, VIDEO, VIDEO_YUV
from davy_bench.speed.report import timing_table, write_speed
from davy_bench.speed.result import Speed
from davy_bench.speed.throughput import Throughput
from davy_bench.speed.timing import Quartiles

pytestmark = pytest.mark.system


@pytest.fixture
def speed():
    ms = {CLAHE: 20.0, STILL: 8.0, VIDEO: 5.0, VIDEO_YUV: 3.0, LEARNED[0]: 60.0}
    timings = {
        size: {(name, 1): [value * scale] * 3 for name, value in ms.items()} for size, scale in (("720p", 0.5), ("1080p", 1))
    }
    loads = [Load(cameras, (1280, 720), 10, 20) for cameras in (1, 2)]
    cameras = [
        SustainedLoad(loads[0], [10.0], 60, 90, cpu_s=10, span_s=20),
        SustainedLoad(loads[1], [7.0, 8.0], 200, None, {"enhance superseded": 50}, cpu_s=40, span_s=20),
    ]
    quartiles = Quartiles(1.0, 2.0, 3.0)
    return Speed(
        "ispcnn-0",
        timings,
        "1080p",
        Throughput(4, 2, *[quartiles] * 3),
        [Memory(STILL, 500, 1, 2, 3, 4, 5, 6)],
        cameras,
    )


def test_the_page_its_figures_and_plots_are_written(speed, tmp_path):
    written = write_speed(speed, tmp_path / "out")
    assert {path.name for path in written} == {"README.md", "speed.json", "pixels.png", "ratios.png", "cameras.png"}
    page = written[0].read_text()
    for expected in ("ispcnn-0", "half a second: **1**", "50 enhance superseded", "1800 CPU seconds", "7,143 cores", "PASS"):
        assert expected in page
    figures = json.loads(written[1].read_text())
    assert figures["saturation_point"] == 1
    still = next(row for row in figures["timings"] if row["method"] == STILL and row["size"] == "1080p")
    assert still["over_clahe_lab"]["median"] == 0.4


def test_a_row_has_time_ratio_and_the_learned_method(speed):
    row = next(line for line in timing_table(speed) if line.startswith(f"| 1080p, {VIDEO} "))
    assert row == f"| 1080p, {VIDEO} | 1 | 5.00 (5.00 to 5.00) | 0.250 (0.250 to 0.250) | 12.0 |"


def test_the_page_omits_figures_that_were_not_measured(tmp_path):
    written = write_speed(Speed("ispcnn-0"), tmp_path)
    assert [path.name for path in written] == ["README.md", "speed.json"]
    assert "Memory" not in written[0].read_text()
