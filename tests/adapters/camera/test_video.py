import av
import pytest
from tests.fixtures.cameras import levels_of, picture, seconds, write_video

from davy.adapters.camera import open_source
from davy.domain.errors import CameraEndedError, CameraUnavailableError
from davy.domain.ports import SourceOptions


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "drive past.mp4", frames=10, fps=20)


def test_a_video_starts_again_at_its_end(video):
    levels = levels_of(open_source(f"file://{video}", SourceOptions(fps=100)), 15)
    assert levels == [*range(10), *range(5)]


@pytest.mark.alone
def test_a_video_plays_at_its_own_speed(video):
    source = open_source(f"file://{video}", SourceOptions(fps=100))
    source.read()
    assert 0.4 < seconds(lambda: levels_of(source, 10)) < 0.7


def test_a_cap_leaves_out_frames_and_keeps_the_speed(video):
    source = open_source(f"file://{video}", SourceOptions(fps=10))
    source.read()
    assert levels_of(source, 4) == [2, 4, 6, 8]


def test_a_name_with_escaped_blanks_is_found(video):
    assert open_source(f"file://{str(video).replace(' ', '%20')}", SourceOptions(fps=100)).read().size == (320, 240)


def test_frames_have_the_size_asked_for(video):
    assert open_source(f"file://{video}", SourceOptions(fps=100, size=(160, 120))).read().size == (160, 120)


def test_without_loop_the_end_is_said(video):
    source = open_source(f"file://{video}", SourceOptions(fps=100, loop=False))
    levels_of(source, 10)
    with pytest.raises(CameraEndedError):
        source.read()


def test_damaged_packets_are_skipped_and_counted(tmp_path):
    path = write_video(tmp_path / "a.avi", frames=20, fps=100, codec="mjpeg")
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 3, len(data) // 2):
        data[at] = 0x5A
    path.write_bytes(data)
    source = open_source(f"file://{path}", SourceOptions(fps=100))
    assert len(levels_of(source, 20)) == 20
    assert source.damaged > 0


@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 100])
def test_a_file_that_is_no_video_says_so(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(CameraUnavailableError):
        open_source(f"file://{tmp_path}/a.mp4", SourceOptions())


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(CameraUnavailableError, match="no such file or folder"):
        open_source(f"file://{tmp_path}/gone.mp4", SourceOptions())


@pytest.mark.parametrize("name", ["2026-01-02T12:30:00.mp4", "a#1?.mp4", "100%.mp4", "concat:a.mp4", "http:b.mp4", "%20.mp4"])
def test_a_file_is_a_file_whatever_its_name(tmp_path, monkeypatch, video, name):
    (tmp_path / name).write_bytes(video.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert open_source(f"file://{name}", SourceOptions(fps=100)).read().size == (320, 240)


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_gap_of_ten_minutes_is_not_waited_for(tmp_path, suffix):
    with av.open(str(tmp_path / f"a.{suffix}"), "w") as out:
        stream = out.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(picture(20 + 8 * number), "bgr24").reformat(format="yuv420p")
            frame.pts = number + (12_000 if number > 4 else 0)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    source = open_source(f"file://{tmp_path}/a.{suffix}", SourceOptions(fps=100))
    source.read()
    assert seconds(lambda: levels_of(source, 9)) < 5
    source.close()


@pytest.mark.parametrize(("degrees", "shape"), [(90, (120, 80)), (270, (120, 80)), (180, (80, 120))])
@pytest.mark.parametrize("size", [None, "half"])
def test_a_video_stands_upright_as_its_display_matrix_says(tmp_path, degrees, shape, size):
    image = picture(40, 120, 80)
    image[:40, :60] = 220  # upper left
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 120, 80, "yuv420p"
        out.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24").reformat(format="yuv420p")))
        out.mux(stream.encode(None))
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the matrix of a version 0 header
    one, minus = (1 << 16).to_bytes(4, "big"), (-(1 << 16)).to_bytes(4, "big", signed=True)
    a, b, c, d = {90: (0, one, minus, 0), 180: (minus, 0, 0, minus), 270: (0, minus, one, 0)}[degrees]
    data[at : at + 8] = (a or bytes(4)) + (b or bytes(4))
    data[at + 12 : at + 20] = (c or bytes(4)) + (d or bytes(4))
    (tmp_path / "a.mp4").write_bytes(data)
    wanted = (shape[1] // 2, shape[0] // 2) if size else None
    y = open_source(f"file://{tmp_path}/a.mp4", SourceOptions(fps=100, size=wanted)).read().pixels.y
    assert y.shape == ((shape[0] // 2, shape[1] // 2) if size else shape)
    high, wide = y.shape
    bright = {90: y[: high // 4, -wide // 4 :], 180: y[-high // 4 :, -wide // 4 :], 270: y[-high // 4 :, : wide // 4]}[degrees]
    assert bright.mean() > 180  # turned clockwise
