"""What a run tells: one JSON line per record, and the same as TensorBoard scalars."""

import json
import warnings
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from davy_trainer.distributed import process_group

LOG = "log.jsonl"


class RunLog:
    """Appends to a run's log; records after first_step, left by a process that was killed, are dropped."""

    def __init__(self, out: Path, first_step: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of TensorBoard's own imports
            from torch.utils.tensorboard import SummaryWriter

        path = out / LOG
        kept = [line for line in read_lines(path) if json.loads(line)["step"] <= first_step] if first_step else []
        path.write_text("".join(f"{line}\n" for line in kept))
        self._file = path.open("a", buffering=1)  # a line is on disk when its step is done
        self._scalars = SummaryWriter(str(out / "tensorboard"), purge_step=first_step + 1)

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Write one record; none where there are no values."""
        if not values:
            return
        self._file.write(json.dumps({"step": step, "kind": kind} | {name: round(v, 7) for name, v in values.items()}) + "\n")
        for name, value in values.items():
            self._scalars.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        self._file.close()
        self._scalars.close()


class NoLog(RunLog):
    """Of a process that leaves writing to another."""

    def __init__(self) -> None: ...

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


def run_log(out: Path, first_step: int) -> RunLog:
    """The run's log, for the one process that writes it."""
    return RunLog(out, first_step) if process_group.is_first() else NoLog()


class Means:
    """Means of values over the steps since they were last taken."""

    def __init__(self) -> None:
        self._values: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._values[name].append(value)

    def take(self) -> dict[str, float]:
        means = {name: sum(values) / len(values) for name, values in self._values.items()}
        self._values.clear()
        return means


def read_lines(path: Path) -> list[str]:
    """The whole lines of a log; one that a kill cut short is left out."""
    if not path.exists():
        return []
    return [line.rstrip("\n") for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
