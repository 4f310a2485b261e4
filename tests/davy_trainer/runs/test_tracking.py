"""A run's log in MLflow: what was sent is not sent again, and what a server missed comes later."""

import json
import logging

import pytest
from tests.conftest import pick_port

from davy.domain.errors import ConfigError, UnavailableError
from davy_trainer.runs.tracking import STATE, Tracker

pytest.importorskip("mlflow", reason="needs MLflow's client: pip install 'davy[mlflow]'")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.slow]  # its database takes seconds to begin


def append(folder, *steps) -> None:
    folder.mkdir(exist_ok=True, parents=True)
    with (folder / "log.jsonl").open("a") as log:
        log.writelines(json.dumps({"step": step, "kind": "train", "loss": 1 / step}) + "\n" for step in steps)


@pytest.fixture
def url(tmp_path):
    logging.getLogger("alembic").setLevel(logging.ERROR)
    return f"sqlite:///{tmp_path}/mlflow.db"


def history(url, folder, key):
    from mlflow.client import MlflowClient

    run = json.loads((folder / STATE).read_text())["run"]
    client = MlflowClient(tracking_uri=url)
    return [each.step for each in client.get_metric_history(run, key)], client.get_run(run)


def test_values_of_every_stage_are_sent_once_and_the_state_of_the_run_last(url, tmp_path):
    folder = tmp_path / "run"
    append(folder / "01-self-supervised", 1, 2)
    tracker = Tracker(url)
    assert tracker.send(folder, "run-1", {"kind": "retrain"}) == 2
    append(folder / "01-self-supervised", 3)
    append(folder / "02-enhance", 1)
    assert tracker.send(folder, "run-1") == 2
    assert Tracker(url).send(folder, "run-1", status="FINISHED") == 0
    steps, run = history(url, folder, "01-self-supervised/train/loss")
    assert steps == [1, 2, 3]
    assert (run.info.status, run.info.run_name, run.data.params) == ("FINISHED", "run-1", {"kind": "retrain"})


def test_an_absent_server_is_said_and_gets_everything_later(url, tmp_path):
    folder = tmp_path / "run"
    append(folder, 1, 2)
    with pytest.raises(UnavailableError, match=r"MLflow at http://127\.0\.0\.1"):
        Tracker(f"http://127.0.0.1:{pick_port()}").send(folder, "run-1")
    assert Tracker(url).send(folder, "run-1") == 2
    assert history(url, folder, "train/loss")[0] == [1, 2]


def test_a_login_in_the_address_is_refused():
    with pytest.raises(ConfigError, match="MLFLOW_TRACKING_USERNAME") as found:
        Tracker("http://user:canary@127.0.0.1:5000")
    assert "canary" not in str(found.value)
