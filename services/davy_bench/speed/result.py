"""Everything that `davy bench speed` has measured, and the same as JSON."""

import dataclasses
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from davy_bench.speed.cameras import SustainedLoad, saturation_point
from davy_bench.speed.frames import SIZES
from davy_bench.speed.memory import Memory
from davy_bench.speed.methods import CLAHE, LEARNED
from davy_bench.speed.throughput import Throughput
from davy_bench.speed.timing import Key, Middle, ratios

PACKAGES = ("numpy", "opencv-contrib-python-headless", "onnxruntime", "openvino", "simplejpeg", "av")
Raced = Mapping[Key, Sequence[float]]
"""ms per frame of every round."""


@dataclass(slots=True)
class Speed:
    """races and cameras are as far as they were asked for; throughput and memory are of `size`.

    busy: How many processors others used when it began, as the load average of the last minute has it.
    """

    model: str
    races: dict[str, Raced] = field(default_factory=dict)  # by size
    size: str = ""
    throughput: Throughput | None = None
    memory: list[Memory] = field(default_factory=list)
    cameras: list[SustainedLoad] = field(default_factory=list)
    sustained: SustainedLoad | None = None
    busy: float = field(default_factory=lambda: os.getloadavg()[0])

    def ratios(self, size: str) -> Mapping[Key, Middle]:
        """Times over CLAHE on LAB on one thread, of the same round."""
        return ratios(self.races[size], (CLAHE, 1))

    def median_ms(self, size: str, key: Key) -> float:
        return Middle.of(self.races[size][key]).median

    def fastest_learned(self, size: str, threads: int) -> Key:
        """The learned peer on its best engine."""
        keys = [key for key in self.races[size] if key[0] in LEARNED and key[1] == threads]
        return min(keys, key=lambda key: self.median_ms(size, key))


def machine() -> dict[str, object]:
    """Where it was measured."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "affinity": sorted(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def processor() -> str:
    """As Linux calls it, with what vector instructions matter."""
    lines = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    facts = {name.strip(): value.strip() for name, value in lines.items()}
    flags = set(facts.get("flags", "").split()) & {"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile"}
    return " ".join([facts.get("model name", platform.machine()), *sorted(flags)])


def as_json(speed: Speed) -> dict[str, object]:
    """All figures, those of single rounds too, so that others can take their own medians."""
    return {
        "machine": machine(),
        "load_average_before": round(speed.busy, 2),
        "model": speed.model,
        "sizes": {name: SIZES[name] for name in speed.races},
        "races": [row for size in speed.races for row in _race(speed, size)],
        "throughput": dataclasses.asdict(speed.throughput) if speed.throughput else None,
        "memory": [dataclasses.asdict(each) for each in speed.memory],
        "memory_size": speed.size,
        "cameras": [_held(each) for each in speed.cameras],
        "knee": saturation_point(speed.cameras) if speed.cameras else None,
        "held": _held(speed.sustained) if speed.sustained else None,
    }


def _race(speed: Speed, size: str) -> list[dict[str, object]]:
    over = speed.ratios(size)
    return [
        {
            "size": size,
            "method": key[0],
            "threads": key[1],
            "ms": _rounded(Middle.of(each_ms)),
            "over_clahe_lab": _rounded(over[key]),
            "each_ms": [round(value, 4) for value in each_ms],
        }
        for key, each_ms in speed.races[size].items()
    ]


def _rounded(middle: Middle) -> dict[str, float]:
    return {name: round(value, 4) for name, value in dataclasses.asdict(middle).items()}


def _held(sustained: SustainedLoad) -> dict[str, object]:
    extra = {"share": sustained.share, "kept_up": sustained.kept_up, "cores": sustained.cores}
    return {**dataclasses.asdict(sustained), **extra, "cpu_s_per_camera_hour": sustained.cpu_s_per_camera_hour}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
