"""`davy enhance IN OUT`, as typed."""

import io
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageOps

from davy_cli.main import main

FFMPEG = shutil.which("ffmpeg")
DAVY = [sys.executable, "-m", "davy", "enhance"]


@pytest.fixture
def davy_enhance(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def run(*texts: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["davy", "enhance", *map(str, texts)])
        status = main()
        answer = capsys.readouterr()
        return status, answer.out, answer.err

    return run


def make_video(path: Path, seconds: int = 1, size: str = "160x120") -> Path:
    picture, tone = f"testsrc2=size={size}:rate=10:duration={seconds}", f"sine=frequency=440:duration={seconds}"
    sources = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone]
    subprocess.run([str(FFMPEG), "-v", "error", *sources, "-preset", "ultrafast", "-c:a", "aac", str(path)], check=True)
    return path


def mean(path: Path) -> float:
    with Image.open(path) as image:
        return float(np.asarray(image.convert("L")).mean())


def colour(path: Path) -> int:
    """The widest difference between a pixel's channels."""
    with Image.open(path) as image:
        return int(np.ptp(np.asarray(image.convert("RGB")).astype(int), axis=2).max())


def format_of(path: Path) -> str | None:
    with Image.open(path) as image:
        return image.format


def test_one_picture_becomes_another_file(davy_enhance, dark: Image.Image, tmp_path: Path):
    dark.save(tmp_path / "a.png")
    status, out, err = davy_enhance(tmp_path / "a.png", tmp_path / "b.jpg")
    assert (status, out, err) == (0, "1 enhanced\n", "")
    assert format_of(tmp_path / "b.jpg") == "JPEG"
    assert mean(tmp_path / "b.jpg") > mean(tmp_path / "a.png") + 10


def test_dials_and_presets_change_the_picture(davy_enhance, dark: Image.Image, tmp_path: Path):
    ImageOps.colorize(dark.convert("L"), "black", "orange").save(tmp_path / "a.png")
    davy_enhance(tmp_path / "a.png", tmp_path / "plain.png")
    davy_enhance(tmp_path / "a.png", tmp_path / "bright.png", "--brightness", 0.5)
    davy_enhance(tmp_path / "a.png", tmp_path / "night.png", "--preset", "night IR")
    assert mean(tmp_path / "bright.png") > mean(tmp_path / "plain.png") + 5
    assert colour(tmp_path / "night.png") <= 3 < colour(tmp_path / "plain.png")


def test_strength_zero_leaves_a_lossless_picture_unchanged(davy_enhance, dark: Image.Image, tmp_path: Path):
    dark.save(tmp_path / "a.png")
    davy_enhance(tmp_path / "a.png", tmp_path / "b.png", "--strength", 0)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), np.asarray(dark))


def test_side_by_side_is_raw_on_the_left(davy_enhance, dark: Image.Image, tmp_path: Path):
    dark.save(tmp_path / "a.png")
    davy_enhance(tmp_path / "a.png", tmp_path / "b.png", "--side-by-side")
    both = np.asarray(Image.open(tmp_path / "b.png"))
    assert both.shape == (240, 640, 3)
    assert np.array_equal(both[:, :320], np.asarray(dark))
    assert both[:, 320:].mean() > both[:, :320].mean() + 10


def test_a_folder_keeps_names_and_lossless_formats_and_lists_failures_at_the_end(
    davy_enhance, dark: Image.Image, tmp_path: Path
):
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "shaft 3").mkdir(parents=True)
    for name in ("a.png", "b.jpg", "shaft 3/c.tif", "shaft 3/d.bmp", "shaft 3/E.JPEG"):
        dark.save(source / name)
    dark.save(source / "f.webp", lossless=True)
    (source / "broken.jpg").write_bytes((source / "b.jpg").read_bytes()[:-300])
    (source / "empty.png").touch()
    (source / "notes.txt").write_text("not a picture")
    status, out, err = davy_enhance(source, target)
    assert status == 1
    assert out == "6 enhanced, 1 skipped (no image or video), 2 failed\n"
    assert f"{source / 'broken.jpg'}: the image cannot be read: it is truncated" in err
    assert f"{source / 'empty.png'}: the image cannot be read: it is empty" in err
    written = {str(path.relative_to(target)): format_of(path) for path in target.rglob("*") if path.is_file()}
    assert written == {
        "a.png": "PNG",
        "b.jpg": "JPEG",
        "f.webp": "WEBP",
        "shaft 3/E.JPEG": "JPEG",
        "shaft 3/c.tif": "TIFF",
        "shaft 3/d.bmp": "BMP",
    }
    assert b"VP8L" in (target / "f.webp").read_bytes()[:40]


def test_a_folder_is_read_by_content_and_skipped_files_are_named(davy_enhance, dark: Image.Image, tmp_path: Path):
    source, target = tmp_path / "in", tmp_path / "out"
    for name in ("a.jfif", "b.JPG_large", "c", "d.dib", "@eaDir/a.jpg", ".hidden/e.jpg"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        dark.save(source / name, "BMP" if name == "d.dib" else "JPEG")
    (source / "notes.txt").write_text("not a picture")
    status, out, err = davy_enhance(source, target)
    assert (status, out) == (0, "4 enhanced, 1 skipped (no image or video), 2 skipped (hidden or system files)\n")
    assert f"{source / 'notes.txt'}: skipped" in err
    written = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert written == {"a.jfif", "b.JPG_large.jpg", "c.jpg", "d.dib"}


def test_two_files_never_share_an_output(davy_enhance, dark: Image.Image, tmp_path: Path):
    folder = tmp_path / "in"
    folder.mkdir()
    dark.save(folder / "c.jpg")
    dark.transpose(Image.Transpose.ROTATE_90).save(folder / "c", format="JPEG")
    davy_enhance(folder, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["c-2.jpg", "c.jpg"]
    with Image.open(tmp_path / "out" / "c.jpg") as picture:
        assert picture.size == dark.size


def test_existing_outputs_are_kept_by_default(davy_enhance, dark: Image.Image, tmp_path: Path):
    (tmp_path / "in").mkdir()
    dark.save(tmp_path / "in" / "a.png")
    davy_enhance(tmp_path / "in", tmp_path / "out")
    dark.save(tmp_path / "out" / "a.png")
    assert davy_enhance(tmp_path / "in", tmp_path / "out")[1] == "0 enhanced, 1 existing kept (--overwrite replaces them)\n"
    assert mean(tmp_path / "out" / "a.png") == mean(tmp_path / "in" / "a.png")
    assert davy_enhance(tmp_path / "in", tmp_path / "out", "--overwrite")[1] == "1 enhanced\n"
    status, _, err = davy_enhance(tmp_path / "in" / "a.png", tmp_path / "out" / "a.png")
    assert (status, "--overwrite" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("absent.png", "b.png"), "does not exist"),
        (("a.png", "a.png"), "original would be lost"),
        ((".", "."), "originals would be lost"),
        ((".", "a.png"), "choose a folder"),
        (("a.png", "b.xyz"), ".jpg, .png"),
        (("a.png", "b.png", "--strength", "2"), "--strength"),
        (("a.png", "b.png", "--brightness", "2"), "--brightness"),
        (("a.png", "b.png", "--preset", "day"), "--preset"),
        (("a.png",), "OUT"),
    ],
)
def test_usage_errors_name_the_remedy(davy_enhance, dark: Image.Image, tmp_path: Path, monkeypatch, arguments, expected: str):
    monkeypatch.chdir(tmp_path)
    dark.save("a.png")
    before = Path("a.png").read_bytes()
    status, _, err = davy_enhance(*arguments)
    assert status == 2
    assert expected in err
    assert Path("a.png").read_bytes() == before


@pytest.mark.system
@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg makes the video of this test")
def test_a_video_keeps_its_sound_and_can_show_both_sides(davy_enhance, tmp_path: Path):
    make_video(tmp_path / "a.mp4")
    assert davy_enhance(tmp_path / "a.mp4", tmp_path / "b.mp4", "--side-by-side")[0] == 0
    with av.open(str(tmp_path / "b.mp4")) as reader:
        assert (reader.streams.video[0].width, reader.streams.video[0].height) == (320, 120)
        assert reader.streams.audio[0].codec_context.name == "aac"
        assert len(list(reader.decode(video=0))) == 10


@pytest.mark.system
@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg makes the video of this test")
def test_videos_and_pictures_share_a_folder(davy_enhance, dark: Image.Image, tmp_path: Path):
    (tmp_path / "in").mkdir()
    make_video(tmp_path / "in" / "a.mp4")
    (tmp_path / "in" / "b.mp4").write_bytes(b"no video")
    dark.save(tmp_path / "in" / "c.png")
    status, out, err = davy_enhance(tmp_path / "in", tmp_path / "out")
    assert (status, out) == (1, "2 enhanced, 1 failed\n")
    assert "b.mp4 cannot be read" in err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.mp4", "c.png"}


@pytest.mark.system
@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg makes the video of this test")
def test_a_video_with_an_ending_that_is_only_read_becomes_an_mp4(davy_enhance, tmp_path: Path):
    (tmp_path / "in").mkdir()
    make_video(tmp_path / "a.ts").rename(tmp_path / "in" / "a.mpg")
    assert davy_enhance(tmp_path / "in", tmp_path / "out")[0] == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.mpg.mp4"]


@pytest.mark.system
@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg makes the video of this test")
def test_kill_9_leaves_no_half_file_under_the_final_name(tmp_path: Path):
    source = make_video(tmp_path / "a.mp4", seconds=60, size="640x480")
    (tmp_path / "out").mkdir()
    process = subprocess.Popen([*DAVY, str(source), str(tmp_path / "out" / "b.mp4")])
    ends = time.monotonic() + 20
    while not any(path.stat().st_size > 50_000 for path in (tmp_path / "out").iterdir()):
        assert time.monotonic() < ends, "nothing was written"
        assert process.poll() is None, "it was done before it could be killed"
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert not (tmp_path / "out" / "b.mp4").exists()


@pytest.mark.system
@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg makes the video of this test")
@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGTERM, 1)])
@pytest.mark.alone
def test_ctrl_c_and_sigterm_stop_a_video_within_a_second_and_leave_no_rest(tmp_path: Path, number: int, times: int):
    source = make_video(tmp_path / "a.mp4", seconds=60, size="640x480")
    (tmp_path / "out").mkdir()
    process = subprocess.Popen(
        [*DAVY, str(source), str(tmp_path / "out" / "b.mp4")],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore Ctrl-C
    )
    ends = time.monotonic() + 20
    while not any(path.stat().st_size > 50_000 for path in (tmp_path / "out").iterdir()):
        assert time.monotonic() < ends, "nothing was written"
        assert process.poll() is None, "it was done before it could be stopped"
        time.sleep(0.05)
    pressed = time.monotonic()
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.05)
    _, errors = process.communicate(timeout=10)
    assert time.monotonic() - pressed < 1.5  # a second, and what a busy machine adds
    assert process.returncode == 128 + number
    assert "stopped" in errors
    assert "Traceback" not in errors
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.system
def test_a_terminal_shows_a_progress_bar(dark: Image.Image, tmp_path: Path):
    (tmp_path / "in").mkdir()
    for number in range(8):
        dark.resize((1600, 1200)).save(tmp_path / "in" / f"{number}.jpg")
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*DAVY, str(tmp_path / "in"), str(tmp_path / "out")], stderr=follower, env={**os.environ, "TERM": "xterm"}
    )
    os.close(follower)
    shown = b""
    while chunk := _read(leader):
        shown += chunk
    assert process.wait() == 0
    assert b"enhancing" in shown
    assert b"8/8" in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux' way to say that the terminal was closed
        return b""


def piped(*words: object, data: bytes) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*DAVY, *map(str, words)], input=data, capture_output=True, check=False, timeout=60)


@pytest.mark.system
def test_standard_input_and_output_are_files(dark_jpeg: bytes, tmp_path: Path):
    (tmp_path / "a.jpg").write_bytes(dark_jpeg)
    for words in (("-", "-"), (tmp_path / "a.jpg", "-"), ("/dev/stdin", "/dev/stdout")):
        done = piped(*words, data=dark_jpeg)
        assert (done.returncode, done.stderr) == (0, b"1 enhanced\n")
        assert Image.open(io.BytesIO(done.stdout)).format == "JPEG"
    done = piped("-", "-", "--format", "png", data=dark_jpeg)
    assert Image.open(io.BytesIO(done.stdout)).format == "PNG"
    done = piped("-", tmp_path / "b.webp", data=dark_jpeg)
    assert (done.returncode, done.stdout, format_of(tmp_path / "b.webp")) == (0, b"1 enhanced\n", "WEBP")


@pytest.mark.system
@pytest.mark.parametrize(("data", "told"), [(b"", b"is empty"), (b"hello", b"no picture or video")])
def test_standard_input_that_is_no_picture_says_so_and_writes_nothing(data: bytes, told: bytes):
    done = piped("-", "-", data=data)
    assert (done.returncode, done.stdout) == (1, b"")
    assert told in done.stderr


@pytest.mark.system
@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg makes the video of this test")
def test_a_video_goes_through_a_pipe(tmp_path: Path):
    done = piped("-", "-", data=make_video(tmp_path / "a.mkv").read_bytes())
    assert done.returncode == 0
    with av.open(io.BytesIO(done.stdout)) as reader:
        assert reader.format.name == "matroska,webm"
        assert len(list(reader.decode(video=0))) == 10


def test_several_inputs_go_into_a_folder(davy_enhance, dark: Image.Image, tmp_path: Path):
    for name in ("a.png", "b.jpg", "shift/c.png", "shift/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        dark.save(tmp_path / name)
    inputs = [tmp_path / "a.png", tmp_path / "b.jpg", tmp_path / "shift"]
    assert davy_enhance(*inputs, tmp_path / "out")[:2] == (0, "4 enhanced\n")
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == {"a.png", "b.jpg", "shift/c.png", "shift/b.jpg"}
    status, _, err = davy_enhance(*inputs, tmp_path / "b.jpg")
    assert (status, "choose a folder" in err) == (2, True)


def test_inputs_of_one_name_never_share_an_output(davy_enhance, dark: Image.Image, tmp_path: Path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        dark.save(tmp_path / folder / "a.png")
    assert davy_enhance(tmp_path / "one" / "a.png", tmp_path / "two" / "a.png", tmp_path / "out")[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-2.png", "a.png"]


def test_format_chooses_the_kind_of_pictures_in_a_folder(davy_enhance, dark: Image.Image, tmp_path: Path):
    (tmp_path / "in").mkdir()
    dark.save(tmp_path / "in" / "a.bmp")
    assert davy_enhance(tmp_path / "in", tmp_path / "out", "--format", "png")[0] == 0
    assert format_of(tmp_path / "out" / "a.png") == "PNG"
    status, _, err = davy_enhance(tmp_path / "in", tmp_path / "out", "--format", "gif")
    assert (status, "choose one of jpg" in err) == (2, True)


def test_what_an_output_cannot_hold_is_said(davy_enhance, dark: Image.Image, tmp_path: Path):
    exif = Image.Exif()
    exif[0x010F] = "Davy lamps"
    dark.save(tmp_path / "a.jpg", exif=exif, comment=b"shaft 3")
    status, _, err = davy_enhance(tmp_path / "a.jpg", tmp_path / "b.bmp")
    assert status == 0
    assert "EXIF left out: BMP cannot hold it" in err
    assert "the comment left out: BMP cannot hold it" in err


@pytest.mark.system
@pytest.mark.skipif(FFMPEG is None, reason="ffmpeg makes the video of this test")
def test_a_video_that_was_cut_short_says_what_to_do_instead_of_a_riddle(davy_enhance, tmp_path: Path):
    whole = make_video(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    status, _, err = davy_enhance(tmp_path / "cut.mp4", tmp_path / "b.mp4")
    assert status == 1
    assert "Input/output error" not in err
    assert "damaged" in err or "cut short" in err
