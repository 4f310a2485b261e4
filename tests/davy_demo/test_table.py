import io

from rich.console import Console

from davy.domain.camera import CameraAddress
from davy_demo.accounting import CameraAccount
from davy_demo.observer import CameraView
from davy_demo.table import as_json, one_line, psnr_text, summary_table

FACE = CameraAddress("demo", "north", "face")


def view() -> CameraView:
    return CameraView(raw_psnr_db=[10.0, 12.0], enhanced_psnr_db=[16.0, 18.0])


def test_the_gain_over_raw_is_a_mean_over_the_samples():
    assert psnr_text(view()) == "11.0 -> 17.0 (+6.0)"


def test_the_summary_has_cameras_drops_and_unexplained_frames():
    account = CameraAccount(captured=20, enhanced=17, in_flight=0)
    account.dropped["enhance superseded"] = 2
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(summary_table({FACE: view()}, {FACE: account}))
    text = console.export_text()
    for expected in ("north/face", "11.0 -> 17.0 (+6.0)", "2 enhance superseded", " 20 ", " 1 "):
        assert expected in text


def test_one_line_holds_every_camera():
    assert one_line({FACE: view()}, now=0.0).startswith("face 0.0 fps nan ms 11.0 -> 17.0")


def test_programs_get_the_summary_as_json_with_ages_only_where_frames_came():
    account = CameraAccount(captured=20, enhanced=17)
    account.dropped["enhance superseded"] = 2
    observed = view()
    observed.received, observed.first_at, observed.last_at = 11, 1.0, 2.0
    observed.ages_s.extend([0.1, 0.1])
    found = as_json({FACE: observed}, {FACE: account})["north/face"]
    assert (found["fps"], found["age_ms_p99"], found["captured"], found["unexplained"]) == (10.0, 100.0, 20, 1)
    assert found["dropped"] == {"enhance superseded": 2}
    assert as_json({FACE: view()}, {})["north/face"]["age_ms_p99"] is None
