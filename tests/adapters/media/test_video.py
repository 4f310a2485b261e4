"""Whole video files, made by ffmpeg, changed, and looked at again."""

import shutil
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from davy.adapters.media.video import transcode
from davy.domain.errors import UnreadableVideoError
from davy.domain.frame import BgrImage

FFMPEG = shutil.which("ffmpeg")
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(FFMPEG is None, reason="ffmpeg makes the files of these tests"),
]

PICTURE = "testsrc2=size=160x120:rate=10:duration=2"
TONE = "sine=frequency=440:duration=2"


def ffmpeg(*words: object) -> None:
    subprocess.run([str(FFMPEG), "-v", "error", "-y", *map(str, words)], check=True)


def make(path: Path, *words: object, audio: str | None = "aac", picture: str = PICTURE) -> Path:
    sound = ["-f", "lavfi", "-i", TONE, "-c:a", audio] if audio else []
    ffmpeg("-f", "lavfi", "-i", picture, *sound, *words, path)
    return path


def same(image: BgrImage) -> BgrImage:
    return image


def pictures(path: Path) -> list[BgrImage]:
    with av.open(str(path)) as reader:
        return [frame.to_ndarray(format="bgr24") for frame in reader.decode(video=0)]


def times(path: Path) -> list[float]:
    with av.open(str(path)) as reader:
        return [round(float(frame.time), 4) for frame in reader.decode(video=0)]


def shown(path: Path) -> NDArray[np.int64]:
    """The middle pixel of the first picture, as ffmpeg, not PyAV, shows it."""
    ffmpeg("-i", path, "-frames:v", 1, path.with_suffix(".png"))
    return np.asarray(Image.open(path.with_suffix(".png")).convert("RGB"))[32, 32].astype(int)


def sound(path: Path) -> tuple[str, bytes]:
    with av.open(str(path)) as reader:
        [stream] = reader.streams.audio
        return stream.codec_context.name, b"".join(bytes(packet) for packet in reader.demux(stream))


@pytest.mark.parametrize(
    ("suffix", "video", "audio"),
    [
        (".mp4", "libx264", "aac"),
        (".mov", "libx264", "pcm_s16le"),
        (".mkv", "libx265", "libvorbis"),
        (".webm", "libvpx-vp9", "libopus"),
        (".avi", "mjpeg", "pcm_s16le"),
        (".avi", "mpeg4", "pcm_s16le"),
        (".ts", "mpeg2video", "mp2"),
    ],
)
def test_pictures_change_and_the_sound_stays_byte_for_byte(tmp_path: Path, suffix: str, video: str, audio: str):
    speed = ["-deadline", "realtime"] if "vpx" in video else []
    source = make(
        tmp_path / f"a{suffix}", "-c:v", video, *speed, "-pix_fmt", "yuvj420p" if video == "mjpeg" else "yuv420p", audio=audio
    )
    target = tmp_path / f"b{suffix}"
    parts = []
    report = transcode(source, target, lambda image: 255 - image, progress=parts.append)
    assert (report.frames, report.damaged, report.left_out) == (20, 0, [])
    assert sound(target) == sound(source)
    before, after = pictures(source), pictures(target)
    assert len(after) == 20
    assert np.abs(255 - before[9].astype(int) - after[9]).mean() < 6
    assert times(target) == times(source)
    assert parts == sorted(parts)
    assert parts[-1] == 1.0


def test_a_variable_frame_rate_stays_variable(tmp_path: Path):
    source = make(tmp_path / "a.mkv", "-vf", "setpts='if(lt(N,10),N*0.1,1+(N-10)*0.37)/TB'", "-fps_mode", "vfr", audio=None)
    transcode(source, tmp_path / "b.mkv", same)
    assert len({round(b - a, 2) for a, b in zip(times(source), times(source)[1:], strict=False)}) > 1
    assert times(tmp_path / "b.mkv") == times(source)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_rotation_is_applied_to_the_pixels(tmp_path: Path, degrees: int):
    flat = make(tmp_path / "flat.mp4", "-c:v", "libx264", audio=None)
    source = tmp_path / "a.mp4"
    ffmpeg("-i", flat, "-c", "copy", "-metadata:s:v", f"rotate={degrees}", source)  # FFmpeg 5 writes a display matrix for it
    shown = tmp_path / "shown.mp4"  # ffmpeg itself applies the rotation when it decodes
    ffmpeg("-i", source, "-c:v", "libx264", shown)
    transcode(source, tmp_path / "b.mp4", same)
    after, wanted = pictures(tmp_path / "b.mp4"), pictures(shown)
    assert after[5].shape == wanted[5].shape
    assert np.abs(after[5].astype(int) - wanted[5]).mean() < 6


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
def test_colours_survive_their_matrix(tmp_path: Path, matrix: str):
    colour = "color=c=0xC03020:size=64x64:rate=10:duration=0.5"
    tags = ["-vf", f"scale=out_color_matrix={matrix}", "-colorspace", matrix, "-color_primaries", matrix, "-color_trc", matrix]
    source = make(tmp_path / "a.mp4", "-c:v", "libx264", *tags, audio=None, picture=colour)
    transcode(source, tmp_path / "b.mp4", same)
    before, after = (shown(tmp_path / name) for name in ("a.mp4", "b.mp4"))
    assert np.abs(before - after).max() <= 4


def test_odd_sides_get_one_row_and_column_more(tmp_path: Path):
    source = make(
        tmp_path / "a.mkv",
        "-c:v",
        "ffv1",
        "-pix_fmt",
        "yuv444p",
        audio=None,
        picture="testsrc2=size=200x200:rate=10:duration=1,format=yuv444p,crop=159:121:exact=1",
    )
    transcode(source, tmp_path / "b.mp4", same)
    assert pictures(tmp_path / "b.mp4")[0].shape == (122, 160, 3)


def test_two_panes_are_twice_as_wide(tmp_path: Path):
    source = make(tmp_path / "a.mp4")
    transcode(source, tmp_path / "b.mp4", lambda image: np.hstack([image, image]), panes=2)
    assert pictures(tmp_path / "b.mp4")[0].shape == (120, 320, 3)


def test_streams_that_the_kind_of_file_cannot_hold_are_named(tmp_path: Path):
    source = make(tmp_path / "a.mkv", audio="aac")
    report = transcode(source, tmp_path / "b.webm", same)
    assert (report.copied, report.left_out) == ([], ["audio aac"])


def test_tags_and_chapters_stay(tmp_path: Path):
    chapters = tmp_path / "chapters"
    chapters.write_text(";FFMETADATA1\ntitle=Shaft 3\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=descent\n")
    source = tmp_path / "a.mkv"
    ffmpeg("-i", make(tmp_path / "plain.mkv"), "-i", chapters, "-map_metadata", 1, "-c", "copy", source)
    transcode(source, tmp_path / "b.mkv", same)
    with av.open(str(tmp_path / "b.mkv")) as reader:
        tags = {name.lower(): text for name, text in reader.metadata.items()}
        assert tags["title"] == "Shaft 3"
        assert [chapter["metadata"]["title"] for chapter in reader.chapters()] == ["descent"]


def test_a_file_that_breaks_off_is_kept_as_far_as_it_goes(tmp_path: Path):
    source = make(tmp_path / "a.mkv")
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    report = transcode(source, tmp_path / "b.mkv", same)
    assert 0 < report.frames < 20
    assert len(pictures(tmp_path / "b.mkv")) == report.frames


@pytest.mark.parametrize("content", [b"", b"hello", bytes(5000)])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(UnreadableVideoError, match=r"a\.mp4"):
        transcode(tmp_path / "a.mp4", tmp_path / "b.mp4", same)


def test_sound_alone_is_refused(tmp_path: Path):
    ffmpeg("-f", "lavfi", "-i", TONE, tmp_path / "a.m4a")
    with pytest.raises(UnreadableVideoError, match="no video"):
        transcode(tmp_path / "a.m4a", tmp_path / "b.mp4", same)
