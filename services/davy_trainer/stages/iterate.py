"""All stages in order: 0, 1, then enhancement and refinement in turn; each has its own folder and resumes."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from davy.domain.errors import ConfigError, ModelError
from davy_trainer.runs.prompt_run import PROMPTS
from davy_trainer.runs.weights import weights_file
from davy_trainer.stages.all_settings import STEPS, AllSettings
from davy_trainer.stages.loop import Stop
from davy_trainer.stages.run_stage import run_enhance, run_pair, run_refine, run_self_supervised
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings
from davy_trainer.stages.settings import REPLAYED, EnhanceSettings, PairSettings, RefineSettings

SETTINGS = "all.json"
DONE = "done.json"


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage of a run."""

    title: str
    folder: Path
    run: Callable[[Stop], bool]  # true when finished

    @property
    def done(self) -> bool:
        return (self.folder / DONE).exists()


def plan_stages(settings: AllSettings, out: Path) -> list[StageRun]:
    """Return the stages in order; all settings are validated before the first one trains.

    Raises:
        pydantic.ValidationError: A stage's table has an invalid setting.
        ConfigError: The initial weights do not exist.
    """
    return list(_steps(settings, out))


def iterate(stages: list[StageRun], stop: Stop, report: Callable[[str], None]) -> bool:
    """Run the unfinished stages; return whether all are done, or false if stop() came first."""
    for stage in stages:
        if stage.done:
            continue
        started = time.monotonic()
        if not stage.run(stop):
            return False
        (stage.folder / DONE).write_text(json.dumps({"seconds": round(time.monotonic() - started, 1)}) + "\n")
        report(f"{stage.folder.name}: {stage.title}, {time.monotonic() - started:.0f} s")
    return True


def networks(settings: AllSettings, out: Path) -> dict[str, Path]:
    """Return the weights of every version, by its title on a sheet: the initial network, then each round."""
    found = {"start" if settings.initial_weights else "stage 0": settings.initial_weights or _folder(out, 0, "self-supervised")}
    for stage in plan_stages(settings, out):
        if "enhance" in stage.folder.name:
            found[f"round {len(found)}"] = stage.folder
    return found


def write_settings(settings: AllSettings, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / SETTINGS).write_text(settings.model_dump_json(indent=1) + "\n")


def read_settings(out: Path) -> AllSettings:
    """Read the settings that write_settings wrote.

    Raises:
        ConfigError: There are none.
        ModelError: They are of another version.
    """
    path = out / SETTINGS
    if not path.is_file():
        raise ConfigError(f"nothing to resume: {path} does not exist")
    try:
        return AllSettings.model_validate_json(path.read_text())
    except ValidationError as error:
        raise ModelError(str(path), f"has settings that this version does not know: {error}") from error


def _steps(settings: AllSettings, out: Path) -> Iterator[StageRun]:
    shared: dict[str, Any] = {name: getattr(settings, name) for name in ("seed", "threads", "device", "precision")}
    replay = _stage_0(settings, shared)
    newest, number = settings.initial_weights, 0
    if newest is None:
        newest = _folder(out, number, "self-supervised")
        yield StageRun("stage 0", newest, partial(run_self_supervised, replay, newest))
    else:
        newest = weights_file(newest)
    pictures: dict[str, Any] = {"low": settings.low, "clip": settings.clip, **shared}
    prompts = settings.prompts if settings.guided else None
    if settings.guided and prompts is None:
        number += 1
        folder = _folder(out, number, "pair")
        pairing = PairSettings.model_validate({**pictures, "normal": settings.normal, **settings.pair})
        yield StageRun("stage 1", folder, partial(run_pair, pairing, folder))
        prompts = folder / PROMPTS
    versions = [newest]
    for k in range(1, settings.rounds + 1):
        if k > 1 and prompts and settings.refined:
            number += 1
            folder = _folder(out, number, f"refine-{k - 1}")
            values = {**pictures, "normal": settings.normal, "prompts": prompts, "weights": versions, **settings.refine}
            yield StageRun("stage 3", folder, partial(_refine, RefineSettings.model_validate(values), folder))
            prompts = folder / PROMPTS
        number += 1
        folder = _folder(out, number, f"enhance-{k}")
        values = {**pictures, "initial_weights": versions[-1], "prompts": prompts}
        values |= {"replay": replay.model_copy(update={"batch": REPLAYED})}
        values |= {} if "minutes" in settings.enhance else {"steps": STEPS["enhance"]}
        values |= {"validation": settings.validation, **({} if prompts else {"clip_weight": 0, "fidelity_weight": 0})}
        enhancing = EnhanceSettings.model_validate(values | settings.enhance)
        yield StageRun(f"stage 2, round {k}", folder, partial(_enhance, enhancing, folder))
        versions.append(folder)


def _refine(settings: RefineSettings, folder: Path, stop: Stop) -> bool:
    """Find the files of the earlier stages, which exist only now, and run stage 3."""
    files = tuple(weights_file(path) for path in settings.weights)
    return run_refine(settings.model_copy(update={"weights": files}), folder, stop)


def _enhance(settings: EnhanceSettings, folder: Path, stop: Stop) -> bool:
    return run_enhance(settings.model_copy(update={"initial_weights": weights_file(settings.initial_weights)}), folder, stop)


def _stage_0(settings: AllSettings, shared: dict[str, Any]) -> SelfSupervisedSettings:
    values: dict[str, Any] = {"data": (*settings.normal, *settings.photographs), "validation": settings.validation, **shared}
    values |= settings.self_supervised
    if not {"steps", "minutes"} & set(values):
        values["steps"] = STEPS["self_supervised"]
    return SelfSupervisedSettings.model_validate(values)


def _folder(out: Path, number: int, name: str) -> Path:
    return out / f"{number:02}-{name}"
