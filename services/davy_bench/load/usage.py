"""CPU time and memory of aggregators: of a local process, or as its /metrics say."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

from davy.access.own_token import named_by
from davy.adapters.http.console_client import ConsoleClient
from davy.adapters.tls import Tls, TlsSettings
from davy.domain.errors import DavyError
from davy_bench.load.plan import Target
from davy_bench.load.worker import VIEWER

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Usage:
    """What one aggregator used during a measurement.

    Args:
        name: Its address.
        cores: Busy cores, its child processes included where it runs here.
        resident_mib: Resident memory at the end, in MiB.
        scrape_bytes: Size of its /metrics; 0 if it cannot be read.
        scrape_ms: Time of its /metrics under load.
    """

    name: str
    cores: float
    resident_mib: float
    scrape_bytes: int = 0
    scrape_ms: float = 0.0


def usages(target: Target, watched: Sequence[psutil.Process], start_s: float, end_s: float) -> list[Usage]:
    """Look at the aggregators at start and end of a measurement, in Unix time. Blocks until its end."""
    time.sleep(max(0.0, start_s - time.time()))
    before = [_cpu_s(process) for process in watched] or [_reported(target, each)[0] for each in target.console]
    time.sleep(max(0.0, (end_s - start_s) / 2 - 0.5))
    scrapes = [_scrape(target, each) for each in target.console]  # under load
    time.sleep(max(0.0, end_s - time.time()))
    span_s = end_s - start_s
    after = [_cpu_s(process) for process in watched] or [_reported(target, each)[0] for each in target.console]
    memory = [float(process.memory_info().rss) for process in watched] or [
        _reported(target, each)[1] for each in target.console
    ]
    names = target.console if len(target.console) == len(before) else [f"{number}" for number in range(len(before))]
    return [
        Usage(name, round((late - early) / span_s, 3), round(resident / MIB, 1), len(text), round(took_s * 1000, 1))
        for name, early, late, resident, (text, took_s) in zip(names, before, after, memory, cycle(scrapes or [(b"", 0.0)]))
    ]


def _cpu_s(process: psutil.Process) -> float:
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total


def _reported(target: Target, console: str) -> tuple[float, float]:
    """Return CPU time in s and resident bytes as an aggregator's metrics say; nan where they do not."""
    found = {"process_cpu_seconds_total": float("nan"), "process_resident_memory_bytes": float("nan")}
    for family in text_string_to_metric_families(_scrape(target, console)[0].decode()):
        for sample in family.samples:
            if sample.name in found:
                found[sample.name] = sample.value
    return found["process_cpu_seconds_total"], found["process_resident_memory_bytes"]


def _scrape(target: Target, console: str) -> tuple[bytes, float]:
    folder: Path | None = target.identities / VIEWER if target.identities else None
    tls = Tls.of(TlsSettings(folder=folder)) if folder else None
    began_s = time.monotonic()
    try:
        with named_by(target.token):
            text = ConsoleClient(console, tls).send("GET", "/metrics")
    except DavyError:
        return b"", 0.0
    return text, time.monotonic() - began_s
