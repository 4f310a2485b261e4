"""All results of `davy bench speed`, and their JSON."""

import dataclasses
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from davy_bench.speed.frames import SIZES
from davy_bench.speed.load import SustainedLoad, saturation_point
from davy_bench.speed.memory import Memory
from davy_bench.speed.methods import CLAHE, LEARNED
from davy_bench.speed.protection import Protection
from davy_bench.speed.throughput import Throughput
from davy_bench.speed.timing import Key, Quartiles, ratios

PACKAGES = ("numpy", "opencv-contrib-python-headless", "onnxruntime", "openvino", "simplejpeg", "av")
Timings = Mapping[Key, Sequence[float]]
"""Milliseconds per frame of every round, by method and number of threads."""


@dataclass(slots=True)
class Speed:
    """Results of the measurements that were requested.

    Attributes:
        model: Version of the network.
        timings: Times of the methods, by picture size.
        size: Picture size of throughput and memory.
        throughput: Frame rate of several cameras, JPEG to JPEG.
        memory: Memory of each path.
        cameras: Results of the complete mine, by number of cameras.
        sustained: Result of the longer load.
        protection: The cost of identities and encryption.
        load_average: Load average of the last minute before the start.
    """

    model: str
    timings: dict[str, Timings] = field(default_factory=dict)
    size: str = ""
    throughput: Throughput | None = None
    memory: list[Memory] = field(default_factory=list)
    cameras: list[SustainedLoad] = field(default_factory=list)
    sustained: SustainedLoad | None = None
    protection: Protection | None = None
    load_average: float = field(default_factory=lambda: os.getloadavg()[0])

    def ratios(self, size: str) -> Mapping[Key, Quartiles]:
        """Times over that of CLAHE on LAB on one thread in the same round."""
        return ratios(self.timings[size], (CLAHE, 1))

    def median_ms(self, size: str, key: Key) -> float:
        """Median time of a method."""
        return Quartiles.of(self.timings[size][key]).median

    def fastest_learned(self, size: str, threads: int) -> Key:
        """The learned method with its faster engine."""
        keys = [key for key in self.timings[size] if key[0] in LEARNED and key[1] == threads]
        return min(keys, key=lambda key: self.median_ms(size, key))


def machine() -> dict[str, object]:
    """Describe the machine and the installed packages."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "affinity": sorted(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: installed for name in PACKAGES if (installed := _version(name))},
    }


def processor() -> str:
    """Linux' name of the processor, and its relevant vector instructions."""
    lines = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    fields = {name.strip(): value.strip() for name, value in lines.items()}
    flags = set(fields.get("flags", "").split()) & {"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile"}
    return " ".join([fields.get("model name", platform.machine()), *sorted(flags)])


def as_json(speed: Speed) -> dict[str, object]:
    """All figures, including those of single rounds for other statistics."""
    return {
        "machine": machine(),
        "load_average": round(speed.load_average, 2),
        "model": speed.model,
        "sizes": {name: SIZES[name] for name in speed.timings},
        "timings": [row for size in speed.timings for row in _timing_rows(speed, size)],
        "throughput": dataclasses.asdict(speed.throughput) if speed.throughput else None,
        "memory": [dataclasses.asdict(each) for each in speed.memory],
        "memory_size": speed.size,
        "cameras": [_load_fields(each) for each in speed.cameras],
        "saturation_point": saturation_point(speed.cameras) if speed.cameras else None,
        "sustained": _load_fields(speed.sustained) if speed.sustained else None,
        "protection": [{mode: _load_fields(run) for mode, run in each.items()} for each in speed.protection.rounds]
        if speed.protection
        else None,
    }


def _timing_rows(speed: Speed, size: str) -> list[dict[str, object]]:
    over = speed.ratios(size)
    return [
        {
            "size": size,
            "method": key[0],
            "threads": key[1],
            "ms": _rounded(Quartiles.of(each_ms)),
            "over_clahe_lab": _rounded(over[key]),
            "each_ms": [round(value, 4) for value in each_ms],
        }
        for key, each_ms in speed.timings[size].items()
    ]


def _rounded(quartiles: Quartiles) -> dict[str, float]:
    return {name: round(value, 4) for name, value in dataclasses.asdict(quartiles).items()}


def _load_fields(sustained: SustainedLoad) -> dict[str, object]:
    extra = {
        "delivered_fraction": sustained.delivered_fraction,
        "is_sustained": sustained.is_sustained,
        "cores": sustained.cores,
    }
    return {**dataclasses.asdict(sustained), **extra, "cpu_s_per_camera_hour": sustained.cpu_s_per_camera_hour}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
