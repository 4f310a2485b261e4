import json

import numpy as np
import pytest

from davy_demo.scenario.comparison import Comparison
from davy_demo.scenario.report import checks, write_report
from davy_demo.scenario.steps import Outcome
from davy_demo.scenario.timeline import Observation, Timeline

GREY = np.full((36, 64, 3), 90, np.uint8)


def comparisons(place, old, new):
    return Comparison(place, 10.0, old, new, (GREY, GREY, GREY, GREY))


def outcome(lost=1.0, state="rolled-back", seconds=20.0, touched=(), cause="gate:black"):
    edges = [{"edge": "east", "wave": 0, "figures": {"frames-lost": lost}}]
    bad = {"black": {"state": state, "causes": [cause], "seconds": seconds, "others-touched": list(touched)}}
    return Outcome(changed_at=10, swapped_at=50, rollout={"edges": edges, "model": "m"}, bad=bad)


PLACES = (comparisons("gallery", 14.0, 15.2), comparisons("junction", 16.0, 15.9))


def test_every_acceptance_check_can_pass():
    assert all(check.passed for check in checks(outcome(), PLACES))


@pytest.mark.parametrize(
    ("result", "places", "title"),
    [
        (outcome(), (comparisons("gallery", 14.0, 14.9), PLACES[1]), "gallery"),
        (outcome(), (PLACES[0], comparisons("junction", 16.0, 15.7)), "junction"),
        (outcome(lost=2.0), PLACES, "frames lost"),
        (outcome(state="done"), PLACES, "black"),
        (outcome(seconds=61.0), PLACES, "black"),
        (outcome(touched=["south"]), PLACES, "black"),
        (outcome(cause="gate:uneven"), PLACES, "black"),
    ],
)
def test_a_failed_check_is_named(result, places, title):
    (short,) = [check for check in checks(result, places) if not check.passed]
    assert title in short.title


def test_the_report_is_a_page_with_plot_pictures_and_figures(tmp_path):
    timeline = Timeline()
    for at in range(60):
        timeline.observations += [
            Observation(at, "east.gallery", "old" if at < 50 else "new", 14.0 + at / 50, 0.1),
            Observation(at, "west.junction", "old", 16.0, None),
        ]
    timeline.record("the light changes")
    write_report(tmp_path, timeline, outcome(), PLACES, {"east.gallery": (14.1, 15.0)})
    page = (tmp_path / "README.md").read_text()
    assert "| gallery | 10.00 | 14.00 | 15.20 | +1.20 | 14.10 | 15.00 |" in page and "the light changes" in page
    assert (tmp_path / "timeline.png").stat().st_size > 5000 and (tmp_path / "pictures.jpg").exists()
    rows = json.loads((tmp_path / "scenario.json").read_text())["observations"]["rows"]
    assert rows[0] == [0, "east.gallery", "old", 14.0, 0.1]
    assert timeline.mean_psnr("east.gallery", 0, 2) == pytest.approx(14.01)
