import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy.imaging.runtime import VideoEnhancer
from davy_bench.quality.flicker import Trace, flicker_table, record, select_spans, traces
from davy_simulator.miners import cap_lamp, miners_at
from davy_simulator.places import PLACES

TIMES = np.arange(4) / 10


def trace(raw, enhanced):
    raw, enhanced = np.array(raw, float), np.array(enhanced, float)
    return Trace(TIMES, raw, enhanced, np.stack([raw, raw], axis=1), np.stack([enhanced, enhanced], axis=1))


def test_a_video_that_only_gets_a_gain_adds_no_flicker():
    figures = trace([10, 12, 10, 12], [30, 36, 30, 36]).figures
    assert figures["raw"] == figures["enhanced"] == figures["raw_steady"] == figures["enhanced_steady"] == pytest.approx(3)
    assert figures["added"] == pytest.approx(0)


def test_a_steady_raw_video_with_a_changing_output_is_pumping():
    figures = trace([10, 10, 10, 10], [50, 54, 50, 54]).figures
    assert figures["raw_steady"] == 0
    assert figures["enhanced_steady"] == figures["added"] == pytest.approx(2)


def test_brightness_is_recorded_raw_and_enhanced(still):
    frame = np.random.default_rng(1).integers(0, 40, (90, 160, 3), dtype=np.uint8)
    found = record(TIMES, lambda t_s: frame, VideoEnhancer(still))
    assert found.raw == pytest.approx([found.raw[0]] * 4)
    assert found.enhanced.mean() > found.raw.mean()
    assert found.figures["added"] == pytest.approx(0, abs=1e-6)
    assert found.raw_blocks.shape == (4, 144)


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_lamps_are_farthest_in_the_calm_span(place):
    spans = select_spans(place, 907)

    def near(start):
        lamps = [cap_lamp(miner) for t in range(9) for miner in miners_at(place, start + t, 907)]
        return sum(1 / np.sum(np.subtract(lamp.position, place.camera) ** 2) for lamp in lamps)

    assert near(spans["calm"]) < near(spans["away"])
    assert near(spans["calm"]) <= near(spans["towards"])


def test_every_place_has_three_spans(still, monkeypatch):
    monkeypatch.setattr("davy_bench.quality.flicker.SPAN_S", 0.5)
    found = traces(907, (160, 96), still, lambda done, total: None)
    assert len(found) == 12
    assert len(flicker_table(found)) == 14
    with pytest.raises(ConfigError, match="seed 7 may"):
        traces(7, (160, 96), still, lambda done, total: None)
