"""Sends the logs of a run to MLflow. A run never waits for it: what a server misses is sent later, from the run's folder."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError, MissingExtraError, UnavailableError
from davy.domain.secret_url import refuse_login
from davy_trainer.runs.log_lines import LOG, read_lines

STATE: Final = "mlflow.json"  # in the run's folder
BATCH: Final = 1000  # values of one request: MLflow takes no more
# Of MLflow's client, unless the environment says otherwise: it retries for minutes, and reports its use to its makers.
DEFAULTS: Final[Mapping[str, str]] = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


class _Sent(BaseModel):
    """What MLflow has of a run: its id there, and the number of lines of each log."""

    run: str = ""
    lines: dict[str, int] = {}
    status: str = ""


class Tracker:
    """A client of one MLflow server.

    Args:
        url: Of the server, or sqlite:///PATH. A login is in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or in
            MLFLOW_TRACKING_TOKEN.
        experiment: Name of the experiment there; it is made where it is missing.

    Raises:
        ConfigError: The URL holds a login, which MLflow's errors would show.
        MissingExtraError: MLflow's client is not installed.
    """

    def __init__(self, url: str, experiment: str = "davy") -> None:
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)
        try:
            from mlflow.client import MlflowClient
        except ModuleNotFoundError as error:
            raise MissingExtraError("MLflow", str(error.name), "mlflow") from error
        try:
            self._url, self._experiment = refuse_login(url), experiment
        except ValueError as error:
            raise ConfigError(
                f"the address of MLflow: {error}; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            ) from error
        self._client: Any = MlflowClient(tracking_uri=self._url)

    def send(self, folder: Path, name: str, params: Mapping[str, str] | None = None, status: str = "") -> int:
        """Send what the logs below a run's folder have got since the last time.

        Args:
            folder: The run's folder; each `log.jsonl` in it or below is a stage.
            name: Name of the run in MLflow, when it is first sent.
            params: Its parameters, when it is first sent.
            status: FINISHED, FAILED or KILLED once the run has ended; empty before.

        Returns:
            The number of values sent.

        Raises:
            UnavailableError: The server does not take them; they are sent next time.
        """
        from mlflow.exceptions import MlflowException

        sent = _read(folder / STATE)
        try:
            if not sent.run:
                sent.run = self._begin(name, params or {})
                _write(folder, sent)
            count = sum(self._send_log(path, folder, sent) for path in sorted(folder.rglob(LOG)))
            if status != sent.status:
                self._client.update_run(sent.run, status=status or "RUNNING")
                sent.status = status
                _write(folder, sent)
        except (MlflowException, OSError) as error:
            raise UnavailableError(f"MLflow at {self._url}: {str(error)[:300]}") from error
        return count

    def _begin(self, name: str, params: Mapping[str, str]) -> str:
        from mlflow.entities import Param

        found = self._client.get_experiment_by_name(self._experiment)
        experiment = found.experiment_id if found is not None else self._client.create_experiment(self._experiment)
        run = str(self._client.create_run(experiment, run_name=name).info.run_id)
        self._client.log_batch(run, params=[Param(key, value[:500]) for key, value in params.items()])
        return run

    def _send_log(self, path: Path, folder: Path, sent: _Sent) -> int:
        key = str(path.parent.relative_to(folder))
        lines, count = read_lines(path), 0
        fresh = lines[sent.lines.get(key, 0) :]  # a resumed run may have fewer: then nothing is new yet
        for part in _batches(fresh, "" if key == "." else f"{key}/"):
            self._client.log_batch(sent.run, metrics=part)
            count += len(part)
        if fresh:
            sent.lines[key] = len(lines)
            _write(folder, sent)
        return count


def _batches(lines: list[str], prefix: str) -> Iterator[list[Any]]:
    from mlflow.entities import Metric

    now_ms = time.time_ns() // 1_000_000
    records = [json.loads(line) for line in lines]
    metrics = [
        Metric(f"{prefix}{record['kind']}/{name}", value, now_ms, record["step"])
        for record in records
        for name, value in record.items()
        if name not in ("step", "kind")
    ]
    for start in range(0, len(metrics), BATCH):
        yield metrics[start : start + BATCH]


def _read(path: Path) -> _Sent:
    try:
        return _Sent.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):  # a damaged state begins a new run there
        return _Sent()


def _write(folder: Path, sent: _Sent) -> None:
    write_atomic(folder / STATE, sent.model_dump_json().encode())
