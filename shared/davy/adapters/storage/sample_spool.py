"""Samples on an edge's disk until the aggregator has them: a spool of their own, so that they can never crowd events out.

A row has the form of an event: quota, order and durability are those of the spool. When it is full, the oldest
pictures give way; what is left of such a row is never sent.
"""

from collections.abc import Sequence
from pathlib import Path

from davy.adapters.storage.spool import Spool
from davy.v1 import ingest_pb2, sample_pb2


class SampleSpool:
    """The samples of one edge; one process at a time, any thread of it. Every method may wait for the disk.

    Raises:
        ConfigError: another process uses it, or its folder cannot be made.
    """

    def __init__(self, path: Path, boot_id: str, max_bytes: int) -> None:
        self._spool = Spool(path, boot_id, max_bytes)

    @property
    def dropped(self) -> int:
        """Samples that were left out, or whose picture gave way to a newer one."""
        return self._spool.events_dropped + self._spool.keyframes_dropped

    def add(self, sample: sample_pb2.Sample) -> None:
        """Give the sample its boot and seq and store it; it is on disk when this returns.

        Raises:
            SpoolUnavailableError: the quota or the disk is full.
        """
        self._spool.add(
            ingest_pb2.Event(
                site=sample.site,
                edge=sample.edge,
                camera=sample.camera,
                occurred_ns=sample.captured_ns,
                kind=sample.reason,
                message=sample.model,
                figures=sample.figures,
                keyframe_jpeg=sample.jpeg,
            )
        )

    def pending(self, after: int = 0, limit: int = 4) -> Sequence[tuple[int, sample_pb2.Sample]]:
        """The oldest samples beyond the row `after`, each with its row; jpeg is empty where the picture gave way.

        Raises:
            SpoolUnavailableError: the disk cannot be read.
        """
        return [(row.id, _sample(row.event)) for row in self._spool.pending(after, limit)]

    def acknowledge(self, boot_id: str, seq: int) -> int:
        """Forget every sample of the boot up to and including seq; returns how many that were.

        Raises:
            SpoolUnavailableError: the disk takes nothing; they will be sent again, which does no harm.
        """
        return self._spool.acknowledge(boot_id, seq)

    @property
    def waiting(self) -> int:
        """Samples that are not acknowledged."""
        return self._spool.waiting

    def close(self) -> None:
        self._spool.close()


def _sample(event: ingest_pb2.Event) -> sample_pb2.Sample:
    return sample_pb2.Sample(
        site=event.site,
        edge=event.edge,
        camera=event.camera,
        boot_id=event.boot_id,
        seq=event.seq,
        captured_ns=event.occurred_ns,
        reason=event.kind,
        model=event.message,
        figures=event.figures,
        jpeg=event.keyframe_jpeg,
    )
