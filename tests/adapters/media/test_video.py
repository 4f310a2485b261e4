"""Whole video files, made by ffmpeg, changed, and looked at again."""

import shutil
import subprocess
import time
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.world import facts, videos

from davy.adapters.media.tone_map import PQ, to_standard_range
from davy.adapters.media.video import transcode
from davy.domain.errors import StorageFullError, UnreadableVideoError
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


@pytest.mark.parametrize("name", ["mirrored.mp4", "upside-down.mp4", "transposed.mp4", "turned-90.mp4"])
def test_a_display_matrix_is_applied_also_where_it_mirrors(tmp_path: Path, name: str):
    source = tmp_path / name
    next(clip for clip in videos.CLIPS if clip.name == name).make(source)
    transcode(source, tmp_path / "b.mp4", same)
    before, after = facts.of_video(source), facts.of_video(tmp_path / "b.mp4")
    assert after.size == before.size
    assert np.abs(after.spots - before.spots).max() < 7


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


def test_sound_that_the_kind_of_file_cannot_hold_is_converted_and_said(tmp_path: Path):
    source = make(tmp_path / "a.mkv", audio="aac")
    report = transcode(source, tmp_path / "b.webm", same)
    assert (report.copied, report.left_out, report.notes) == ([], [], ["audio aac converted to libopus"])
    assert sound(tmp_path / "b.webm")[0] == "opus"


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mkv", "pcm_s16le"), (".mp4", "aac"), (".mov", "pcm_alaw"), (".ts", "aac"), (".webm", "opus")]
)
def test_g711_sound_of_a_recorder_is_never_lost(tmp_path: Path, suffix: str, codec: str):
    source = make(tmp_path / "a.mov", "-ar", 8000, audio="pcm_alaw")
    if suffix == ".mkv":
        ffmpeg("-i", source, "-c", "copy", source.with_suffix(".mkv"))
        source = source.with_suffix(".mkv")
    target = tmp_path / f"b{suffix}"
    report = transcode(source, target, same)
    assert report.left_out == []
    assert sound(target)[0] == codec
    assert (report.notes == []) == (codec == "pcm_alaw")
    before, after = heard(source), heard(target)
    assert abs(len(after) / len(before) - 1) < 0.1
    assert 0.7 < after.std() / before.std() < 1.4
    assert suffix != ".mkv" or np.array_equal(after, before)


def heard(path: Path) -> NDArray[np.int16]:
    """The sound as ffmpeg plays it, 8 kHz."""
    words = [str(FFMPEG), "-v", "error", "-i", str(path), "-f", "s16le", "-ac", "1", "-ar", "8000", "-"]
    return np.frombuffer(subprocess.run(words, check=True, capture_output=True).stdout, np.int16)


def test_streams_that_the_kind_of_file_cannot_hold_are_named(tmp_path: Path):
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nshaft 3\n")
    ffmpeg("-i", make(tmp_path / "plain.mkv", audio=None), "-i", tmp_path / "a.srt", "-c:s", "srt", tmp_path / "a.mkv")
    report = transcode(tmp_path / "a.mkv", tmp_path / "b.mp4", same)
    assert (report.copied, report.left_out) == ([], ["subtitle srt"])


def test_opus_in_mov_is_written_or_converted(tmp_path: Path):
    report = transcode(make(tmp_path / "a.mkv", audio="libopus"), tmp_path / "b.mov", same)
    assert (report.frames, len(pictures(tmp_path / "b.mov"))) == (20, 20)
    assert report.notes == ["audio opus converted to aac"]


def test_rgb_vp9_becomes_webm(tmp_path: Path):
    source = make(tmp_path / "a.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-pix_fmt", "gbrp", audio=None)
    transcode(source, tmp_path / "b.webm", same)
    assert np.abs(pictures(tmp_path / "b.webm")[5].astype(int) - pictures(source)[5]).mean() < 8


def displayed(path: Path) -> NDArray[np.int64]:
    """The pictures in RGB, as ffmpeg converts them with exact rounding."""
    scale = "scale=flags=accurate_rnd+full_chroma_int,format=rgb24"
    words = [str(FFMPEG), "-v", "error", "-i", str(path), "-vf", scale, "-f", "rawvideo", "-"]
    found = np.frombuffer(subprocess.run(words, check=True, capture_output=True).stdout, np.uint8)
    return found.reshape(-1, 120, 160, 3).astype(int)


GREY_RAMP = "gradients=size=160x120:rate=10:duration=1:c0=0x080808:c1=0x505050:x0=0:y0=0:x1=159:y1=0:speed=0.00001"


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuvj420p", "yuv422p10le"])
def test_unchanged_pictures_are_neither_darker_nor_tinted(tmp_path: Path, pix_fmt: str):
    source = make(
        tmp_path / "a.mkv",
        "-c:v",
        "ffv1" if "10" in pix_fmt else "libx264",
        "-qp",
        0,
        "-pix_fmt",
        pix_fmt,
        audio=None,
        picture=GREY_RAMP,
    )
    transcode(source, tmp_path / "b.mkv", same, quality=100)
    before, after = displayed(source), displayed(tmp_path / "b.mkv")
    assert np.abs(after - before).mean() < 1
    assert abs(after.mean() - before.mean()) < 0.4
    assert np.abs(after - after.mean(axis=3, keepdims=True)).max() <= 2


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts"])
def test_without_a_change_the_packets_are_copied(tmp_path: Path, suffix: str):
    source = make(tmp_path / "a.mkv", "-pix_fmt", "yuv444p", "-c:v", "libx264")
    report = transcode(source, tmp_path / f"b{suffix}", None)
    assert report.frames == 20
    assert all(np.array_equal(a, b) for a, b in zip(pictures(source), pictures(tmp_path / f"b{suffix}"), strict=True))


def test_recordings_put_together_get_one_continuous_time(tmp_path: Path):
    one = make(tmp_path / "one.ts", "-c:v", "libx264", "-bf", 2)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() * 2)
    report = transcode(joined, tmp_path / "b.mp4", same)
    assert (report.frames, report.left_out) == (40, [])
    assert report.notes == ["time jumped back 1 times; the output has continuous time stamps"]
    steps = np.diff(times(tmp_path / "b.mp4"))
    assert steps.min() > 0.05
    assert steps.max() < 0.3
    with av.open(str(tmp_path / "b.mp4")) as reader:
        sound_s = float(reader.streams.audio[0].duration * reader.streams.audio[0].time_base)
    assert 3.8 < sound_s < 4.3


def test_interlaced_pictures_are_deinterlaced_and_said(tmp_path: Path):
    bars = "testsrc2=size=160x120:rate=50:duration=1"
    source = make(
        tmp_path / "a.mp4",
        "-vf",
        "tinterlace=interleave_top",
        "-c:v",
        "libx264",
        "-flags",
        "+ildct+ilme",
        audio=None,
        picture=bars,
    )
    report = transcode(source, tmp_path / "b.mp4", same)
    assert report.notes == ["interlaced pictures were deinterlaced"]
    assert report.frames == len(pictures(source))
    with av.open(str(tmp_path / "b.mp4")) as reader:
        assert not any(frame.interlaced_frame for frame in reader.decode(video=0))
    assert combing(pictures(tmp_path / "b.mp4")[10]) < 0.7 * combing(pictures(source)[10])


def combing(image: BgrImage) -> float:
    """Mean difference between a row and its neighbours' mean."""
    rows = image.astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_mapped_to_standard_range_and_said(tmp_path: Path, transfer: str):
    tags = ["-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_trc", transfer]
    source = make(
        tmp_path / "a.mp4", "-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le", *tags, audio=None
    )
    report = transcode(source, tmp_path / "b.mp4", same)
    assert report.notes == ["HDR was mapped to standard range, BT.709"]
    with av.open(str(tmp_path / "b.mp4")) as reader:
        frame = next(reader.decode(video=0))
        assert (frame.colorspace, frame.color_trc, frame.color_primaries, frame.format.name) == (1, 1, 1, "yuv420p")
    assert 10 < pictures(tmp_path / "b.mp4")[5].mean() < 245


def test_hdr_white_of_203_nits_is_nearly_white_and_brighter_light_is_compressed():
    pq_of_nits = {0: 0.0, 100: 0.5081, 203: 0.5807, 1000: 0.7518}  # ITU-R BT.2100, table 4
    levels = to_standard_range(np.array([[signal] * 3 for signal in pq_of_nits.values()]), PQ, 1000)[:, 0]
    assert levels[0] == 0
    assert abs(levels[3] - 1) < 0.01
    assert 0.8 < levels[2] < 1
    assert abs(levels[1] - (100 / 203) ** (1 / 2.4)) < 0.03  # below the knee, light keeps its value


def test_a_saturated_hdr_colour_keeps_its_hue():
    red, green, blue = to_standard_range(np.array([[0.5, 0.45, 0.45]]), PQ)[0]
    assert red > green + 0.1
    assert abs(green - blue) < 0.03


def test_hdr_is_mapped_without_a_pause(tmp_path: Path):
    tags = ["-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_trc", "smpte2084"]
    words = ["-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuv420p10le", *tags]
    source = make(tmp_path / "a.mp4", *words, audio=None)
    began_s = time.process_time()
    transcode(source, tmp_path / "b.mp4", same)
    assert time.process_time() - began_s < 2  # its table of colours took swscale 5 s of a processor


def test_tags_in_another_encoding_pass_through_as_they_are(tmp_path: Path):
    source = make(tmp_path / "a.mp4", "-metadata", "title=XXXXXX", audio=None)
    source.write_bytes(source.read_bytes().replace(b"XXXXXX", "矿灯井".encode("gbk")))
    transcode(source, tmp_path / "b.mp4", same)
    assert "矿灯井".encode("gbk") in (tmp_path / "b.mp4").read_bytes()


def test_an_empty_file_is_called_empty(tmp_path: Path):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(UnreadableVideoError, match="it is empty"):
        transcode(tmp_path / "a.mp4", tmp_path / "b.mp4", same)


def test_a_full_disk_is_blamed_and_not_the_source(tmp_path: Path):
    source = make(tmp_path / "a.mp4", audio=None)
    full = tmp_path / "b.ts"
    full.symlink_to("/dev/full")
    with pytest.raises(StorageFullError, match="no space left"):
        transcode(source, full, same)


def test_a_name_with_colons_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    source = make(tmp_path / "a.mp4").rename("2026-01-02T12:30:00.mp4")
    assert transcode(Path(source.name), Path("rtsp:b.mp4"), same).frames == 20


def test_the_time_of_recording_and_the_make_stay(tmp_path: Path):
    tags = {"creation_time": "2026-01-02T12:30:00.000000Z", "com.apple.quicktime.make": "Davy lamps"}
    words = [word for name, text in tags.items() for word in ("-metadata", f"{name}={text}")]
    source = make(tmp_path / "a.mov", "-movflags", "use_metadata_tags", *words)
    for change in (same, None):
        transcode(source, tmp_path / "b.mov", change)
        with av.open(str(tmp_path / "b.mov")) as reader:
            assert tags.items() <= reader.metadata.items()


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
