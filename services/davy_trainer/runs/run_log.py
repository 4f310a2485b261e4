"""The log of a run: one JSON line per record, and the same values as TensorBoard scalars."""

import json
import warnings
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from davy_trainer.distributed import process_group
from davy_trainer.runs.log_lines import LOG, read_lines


class RunLog:
    """Appends to a run's log; drops records after first_step, which a killed process left."""

    def __init__(self, out: Path, first_step: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of TensorBoard's own imports
            from torch.utils.tensorboard import SummaryWriter

        path = out / LOG
        lines = [line for line in read_lines(path) if json.loads(line)["step"] <= first_step] if first_step else []
        path.write_text("".join(f"{line}\n" for line in lines))
        self._file = path.open("a", buffering=1)  # a line is on disk when its step is done
        self._scalars = SummaryWriter(str(out / "tensorboard"), purge_step=first_step + 1)

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Write one record; none without values."""
        if not values:
            return
        self._file.write(json.dumps({"step": step, "kind": kind} | {name: round(v, 7) for name, v in values.items()}) + "\n")
        for name, value in values.items():
            self._scalars.add_scalar(f"{kind}/{name}", value, step)

    def close(self) -> None:
        self._file.close()
        self._scalars.close()


class NoLog(RunLog):
    """The log of a rank that does not write."""

    def __init__(self) -> None: ...

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


def run_log(out: Path, first_step: int) -> RunLog:
    """Return the run's log on rank 0, else one that writes nothing."""
    return RunLog(out, first_step) if process_group.is_first() else NoLog()


class Means:
    """Means of values since the last take()."""

    def __init__(self) -> None:
        self._values: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._values[name].append(value)

    def take(self) -> dict[str, float]:
        means = {name: sum(values) / len(values) for name, values in self._values.items()}
        self._values.clear()
        return means
