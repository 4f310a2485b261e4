import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest

from davy.adapters.storage.spool import Spool
from davy.domain.errors import ConfigError, SpoolUnavailableError
from davy.v1 import ingest_pb2

MB = 2**20


def event(kind: str = "motion", keyframe: bytes = b"", message: str = "") -> ingest_pb2.Event:
    return ingest_pb2.Event(site="demo", edge="north", kind=kind, message=message, keyframe_jpeg=keyframe)


@pytest.fixture
def open_spool(tmp_path):
    spools = []

    def make(boot_id="boot-1", max_bytes=16 * MB):
        spools.append(Spool(tmp_path / "spool.db", boot_id, max_bytes))
        return spools[-1]

    yield make
    for spool in spools:
        spool.close()


def test_events_get_seqs_from_1_and_come_back_in_order(open_spool):
    spool = open_spool()
    assert [spool.add(event(kind)).seq for kind in ("a", "b", "c")] == [1, 2, 3]
    assert [(row.event.kind, row.event.seq, row.event.boot_id) for row in spool.pending()] == [
        ("a", 1, "boot-1"),
        ("b", 2, "boot-1"),
        ("c", 3, "boot-1"),
    ]


def test_acknowledged_events_are_forgotten(open_spool):
    spool = open_spool()
    for _ in range(5):
        spool.add(event())
    assert spool.acknowledge("boot-1", 3) == 3
    assert [row.event.seq for row in spool.pending()] == [4, 5]
    assert spool.waiting == 2


def test_events_of_an_earlier_boot_are_sent_first(open_spool):
    spool = open_spool("boot-1")
    spool.add(event("old"))
    spool.close()
    spool = open_spool("boot-2")
    spool.add(event("new"))
    assert [(row.event.boot_id, row.event.seq, row.event.kind) for row in spool.pending()] == [
        ("boot-1", 1, "old"),
        ("boot-2", 1, "new"),
    ]
    spool.acknowledge("boot-2", 1)
    assert [row.event.kind for row in spool.pending()] == ["old"]


def test_pending_goes_on_after_an_id(open_spool):
    spool = open_spool()
    for _ in range(5):
        spool.add(event())
    first = spool.pending(limit=2)
    assert [row.event.seq for row in spool.pending(after=first[-1].id)] == [3, 4, 5]


def test_a_keyframe_comes_back_with_its_event(open_spool):
    spool = open_spool()
    spool.add(event(keyframe=b"\xff\xd8picture"))
    assert spool.pending()[0].event.keyframe_jpeg == b"\xff\xd8picture"


def test_the_oldest_keyframes_give_way_and_no_event_does(open_spool):
    spool = open_spool(max_bytes=2 * MB)
    for _ in range(40):
        spool.add(event(keyframe=bytes(100_000)))
    rows = spool.pending()
    assert len(rows) == 40
    kept = [bool(row.event.keyframe_jpeg) for row in rows]
    assert kept == sorted(kept)
    assert 10 <= sum(kept) <= 19
    assert spool.keyframes_dropped == 40 - sum(kept)
    assert spool.used_bytes <= 0.9 * 2 * MB


def test_events_use_the_reserve_that_keyframes_may_not(open_spool):
    spool = open_spool(max_bytes=1 * MB)
    for _ in range(20):
        spool.add(event(keyframe=bytes(100_000)))
    for _ in range(50):
        spool.add(event(message="x" * 2000))
    assert spool.events_dropped == 0


def test_a_full_spool_refuses_counts_and_recovers(open_spool, tmp_path):
    spool = open_spool(max_bytes=1 * MB)
    with pytest.raises(SpoolUnavailableError, match="full"):
        for _ in range(2000):
            spool.add(event(message="x" * 3000))
    assert spool.events_dropped == 1
    assert (tmp_path / "spool.db").stat().st_size <= 1 * MB
    kept = spool.waiting
    spool.acknowledge("boot-1", kept)
    assert spool.add(event()).seq == kept + 1
    assert spool.error == ""


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_f11_a_full_disk_is_refused_counted_and_recovers(small_disk):
    spool = Spool(small_disk / "spool.db", "boot-1", 64 * MB)
    with pytest.raises(SpoolUnavailableError):
        for _ in range(2000):
            spool.add(event(message="x" * 3000))
    for _ in range(5):
        with pytest.raises(SpoolUnavailableError):
            spool.add(event(message="x" * 200_000))
    assert spool.events_dropped == 6
    kept = spool.waiting
    assert kept > 50
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert spool.add(event(message="x" * 200_000)).seq == kept + 1
    assert spool.acknowledge("boot-1", kept + 1) == kept + 1
    spool.close()


def test_files_stay_within_the_quota_over_many_rounds(open_spool, tmp_path):
    spool = open_spool(max_bytes=2 * MB)
    for number in range(60):
        stored = spool.add(event(keyframe=bytes(150_000)))
        if number % 3 == 0:
            spool.acknowledge("boot-1", stored.seq)
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size <= 2 * MB + 1.5 * MB  # the write-ahead log beside it


def test_two_processes_cannot_share_a_spool(open_spool):
    open_spool()
    with pytest.raises(ConfigError, match="does another edge use it"):
        open_spool()


def test_a_file_that_is_no_database_is_put_aside(open_spool, tmp_path):
    (tmp_path / "spool.db").write_bytes(b"not a database at all" * 500)
    spool = open_spool()
    spool.add(event())
    assert len(spool.pending()) == 1
    assert any("broken" in path.name for path in tmp_path.iterdir())


def test_f05_events_survive_kill_9_of_their_writer(tmp_path):
    writer = textwrap.dedent(f"""
        from pathlib import Path
        from davy.adapters.storage.spool import Spool
        from davy.v1 import ingest_pb2
        spool = Spool(Path({str(tmp_path / "spool.db")!r}), "boot-1", 16_000_000)
        while True:
            print(spool.add(ingest_pb2.Event(site="demo", edge="north", kind="motion")).seq, flush=True)
    """)
    process = subprocess.Popen([sys.executable, "-c", writer], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    said = [int(line) for line in process.stdout]
    process.wait()
    process.stdout.close()
    spool = Spool(tmp_path / "spool.db", "boot-2", 16_000_000)
    seqs = [row.event.seq for row in spool.pending(limit=100_000)]
    spool.close()
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) >= said[-1]
    check = sqlite3.connect(tmp_path / "spool.db")
    assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()
