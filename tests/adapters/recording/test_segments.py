"""Segments: cut by wall time, playable as they are, whole after a kill."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import pytest
from tests.fixtures.recorded_video import START_NS, packets

from davy.adapters.recording.folder import SegmentFolder
from davy.adapters.recording.reader import frame_at, picture_at, stream_mp4, write_mp4
from davy.adapters.recording.recorder import Recorder
from davy.adapters.recording.writer import sha256_of
from davy.domain.errors import StorageFullError, UnreadableVideoError
from davy.domain.recording import Segment

SECOND = 1_000_000_000


def record(root: Path, *given) -> list[Segment]:
    found: list[Segment] = []
    recorder = Recorder(root, found.append)
    for packet in given:
        recorder.write(packet)
    recorder.close()
    return found


def pictures(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


def test_segments_are_cut_at_the_first_key_frame_after_ten_seconds_of_wall_time(tmp_path):
    segments = record(tmp_path, *packets(250, start_ns=START_NS + 4 * SECOND))
    assert [(each.start_ns - START_NS) // SECOND for each in segments] == [4, 10, 20]
    assert [(each.first_seq, each.last_seq) for each in segments] == [(1, 60), (61, 160), (161, 250)]
    assert [pictures(tmp_path / each.path) for each in segments] == [60, 100, 90]


def test_a_recorder_that_starts_later_cuts_at_the_same_packets(tmp_path):
    given = list(packets(250, start_ns=START_NS + 4 * SECOND))
    late = record(tmp_path, *given[33:])
    assert [(each.first_seq, each.last_seq) for each in late] == [(41, 60), (61, 160), (161, 250)]


def test_the_name_of_a_file_says_all_of_its_segment(tmp_path):
    (segment,) = record(tmp_path, *packets(50))
    path = tmp_path / segment.path
    assert Segment.parse(segment.path, path.stat().st_size) == segment
    assert segment.sha256 == sha256_of(path)
    assert segment.end_ns == START_NS + 5 * SECOND


def test_a_segment_ends_where_a_packet_is_missing_and_the_next_begins_at_a_key_frame(tmp_path):
    given = list(packets(90))
    segments = record(tmp_path, *given[:25], *given[26:])
    assert [(each.first_seq, each.last_seq) for each in segments] == [(1, 25), (31, 90)]


def test_a_new_model_begins_a_segment_at_the_next_key_frame(tmp_path):
    given = list(packets(40))
    changed = [replace(packet, model="second") for packet in given[15:]]
    segments = record(tmp_path, *given[:15], *changed)
    assert [(each.first_seq, each.model) for each in segments] == [(1, "first"), (21, "second")]


def test_a_full_disk_ends_a_segment_and_recording_goes_on_at_the_next_key_frame(tmp_path, monkeypatch):
    given, found = list(packets(60)), []
    recorder = Recorder(tmp_path, found.append)
    for packet in given[:25]:
        recorder.write(packet)
    with monkeypatch.context() as patch:
        patch.setattr("davy.adapters.recording.writer.SegmentWriter.write", _full)
        with pytest.raises(StorageFullError):
            recorder.write(given[25])
    taken = [recorder.write(packet) for packet in given[26:]]
    recorder.close()
    assert taken == [False] * 4 + [True] * 30
    assert found[0].first_seq == 1
    assert (found[-1].first_seq, found[-1].last_seq) == (31, 60)
    assert all(pictures(tmp_path / each.path) for each in found)


def _full(*_):
    raise OSError(28, "No space left on device")


WRITE = """
import sys, time
from pathlib import Path
from davy.adapters.recording.recorder import Recorder
from tests.fixtures.recorded_video import packets
recorder = Recorder(Path(sys.argv[1]), lambda segment: None)
for packet in packets(100000):
    recorder.write(packet)
    print(packet.seq, flush=True)
    time.sleep(0.0005)
"""


def kill_while_recording(root: Path, after: int) -> None:
    """Record, kill -9 after some packets, and check that at most one group of pictures is missing."""
    writer = subprocess.Popen([sys.executable, "-c", WRITE, str(root)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    with writer, writer.stdout:
        seq = next(int(line) for line in writer.stdout if int(line) >= after)
        os.kill(writer.pid, signal.SIGKILL)
        for line in writer.stdout:
            seq = int(line)
    folder = SegmentFolder(root, 10**12)
    assert folder.load() == []
    segments = folder.segments()
    assert sum(pictures(root / each.path) for each in segments) == segments[-1].last_seq
    assert seq - segments[-1].last_seq <= 11  # a group of 10, and the packet whose line was not read
    assert not list(root.rglob("*.part"))
    for before, after_ in pairwise(segments):
        assert after_.first_seq == before.last_seq + 1


@pytest.mark.parametrize("after", [37, 118])
def test_a_killed_recorder_loses_at_most_the_fragment_it_was_writing(tmp_path, after):
    kill_while_recording(tmp_path, after)


def test_a_damaged_file_is_set_aside_and_the_others_stay(tmp_path):
    segments = record(tmp_path, *packets(150))
    part = tmp_path / segments[0].folder / "1_boot-1_1.part"
    part.write_bytes(b"\0\0\0\x10mdat" + bytes(8))
    (tmp_path / segments[0].folder / "nonsense.mp4").write_bytes(b"x")
    folder = SegmentFolder(tmp_path, 10**12)
    reasons = folder.load()
    assert len(reasons) == 2
    assert folder.segments() == segments
    assert len(list(tmp_path.rglob("*.damaged"))) == 2


def test_the_oldest_segments_give_way_to_the_quota(tmp_path):
    segments = record(tmp_path, *packets(400))
    folder = SegmentFolder(tmp_path, segments[-1].bytes + segments[-2].bytes)
    folder.load()
    assert folder.prune(START_NS) == segments[:2]
    assert sorted(path.name for path in tmp_path.rglob("*.mp4")) == sorted(Path(each.path).name for each in segments[2:])


def test_old_segments_go_by_age(tmp_path):
    segments = record(tmp_path, *packets(300))
    folder = SegmentFolder(tmp_path, 10**12, lambda _: 60.0)
    folder.load()
    assert folder.prune(segments[0].end_ns + 61 * SECOND) == segments[:1]


def sources(root: Path, segments: list[Segment]):
    return [(each, root / each.path) for each in segments]


@pytest.mark.parametrize("way", ["stream", "file"])
def test_a_range_is_one_mp4_whose_time_zero_is_the_start(tmp_path, way):
    segments, out = record(tmp_path, *packets(300)), tmp_path / "out.mp4"
    start_ns, end_ns = START_NS + 8_500_000_000, START_NS + 15 * SECOND
    chosen = sources(tmp_path, segments[:2])
    if way == "stream":
        out.write_bytes(b"".join(stream_mp4(chosen, start_ns, end_ns)))
    else:
        write_mp4(out, chosen, start_ns, end_ns)
    with av.open(out) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert len(times) == 70  # from the key frame at 8.0 s
    assert times[5] == pytest.approx(0.0, abs=0.01)
    assert times[-1] == pytest.approx(6.4, abs=0.01)


def test_a_gap_keeps_its_length(tmp_path):
    given = list(packets(200))
    segments, out = record(tmp_path, *given[:50], *given[120:]), tmp_path / "out.mp4"
    out.write_bytes(b"".join(stream_mp4(sources(tmp_path, segments), START_NS, START_NS + 20 * SECOND)))
    with av.open(out) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times[50] - times[49] == pytest.approx(7.1, abs=0.01)


def test_a_picture_is_the_one_that_was_shown_at_the_time(tmp_path):
    (segment,) = record(tmp_path, *packets(50))
    (source,) = sources(tmp_path, [segment])
    frame, captured_ns = frame_at(source, START_NS + 2_350_000_000)
    assert captured_ns == pytest.approx(START_NS + 2_300_000_000, abs=20_000)
    assert frame.to_ndarray()[0, 100] == pytest.approx(40 + 23, abs=2)
    _, key_ns = frame_at(source, START_NS + 2_350_000_000, exact=False)
    assert key_ns == pytest.approx(START_NS + 2 * SECOND, abs=20_000)
    data, _ = picture_at(source, START_NS, width=80)
    assert data.startswith(b"\xff\xd8")


def test_a_damaged_segment_names_its_file(tmp_path):
    (segment,) = record(tmp_path, *packets(50))
    with pytest.raises(UnreadableVideoError, match="boot-1"):
        frame_at((segment, b"nothing"), START_NS)
