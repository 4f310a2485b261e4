"""The settings of a run, validated before the run starts, and the arguments of its command."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from davy.domain.errors import InvalidInputError
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.people.settings import PeopleSettings
from davy_trainer.service.settings import Kind, TrainerSettings
from davy_trainer.stages.all_settings import STEPS, AllSettings
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings
from davy_trainer.stages.settings import REPLAYED, EnhanceSettings, PairSettings, RefineSettings

# set by the service alone; `start` and `weights` are old names
RESERVED = {
    "base",
    "drifted",
    "initial_weights",
    "low",
    "mine",
    "model",
    "normal",
    "photographs",
    "prompts",
    "samples",
    "start",
    "validation",
    "weights",
}
RESERVED_AT_ANY_DEPTH = RESERVED | {"data", "real"}  # of a request: a stage's table names folders, too
CLIP_NAME = re.compile(r"davy:random:\d{1,9}|[\w-]+(?::[\w-]+)?")  # a network by its name; in a request never a file
PLACEHOLDER = Path("somewhere")


def validate_overrides(
    settings: TrainerSettings, kind: Kind, overrides: dict[str, Any], drifted: Sequence[str] = ()
) -> dict[str, Any]:
    """Merge the request's overrides into the service's, stage by stage, and validate the result.

    Raises:
        InvalidInputError: A name is unknown or reserved, or a value is invalid.
    """
    threads = {} if kind == "people" else {"threads": len(settings.cores)}
    merged = _merged(threads, settings.overrides.get(kind, {}), overrides)
    if reserved := sorted(RESERVED & set(merged) | RESERVED_AT_ANY_DEPTH & set(_names(overrides))):
        raise InvalidInputError(f"{', '.join(reserved)}: the service sets the paths of pictures and weights; omit it")
    if files := [name for name in _values_of("clip", overrides) if not CLIP_NAME.fullmatch(str(name))]:
        raise InvalidInputError(f"clip: {str(files[0])[:80]!r} is not the name of a network, such as ViT-B-32:openai")
    if kind == "adapt" and not drifted:
        raise InvalidInputError("adapt needs the drifted cameras: drifted=[EDGE.CAMERA]")
    if odd := [name for name in drifted if name.count(".") != 1]:
        raise InvalidInputError(f"{odd[0]!r} is not a camera: write EDGE.CAMERA")
    try:
        _validate(kind, merged, drifted)
    except ValidationError as error:
        errors = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise InvalidInputError(f"overrides of {kind}: {'; '.join(errors)}") from error
    return merged


def set_arguments(overrides: dict[str, Any]) -> list[str]:
    """Return overrides as arguments of a command: --set NAME=JSON, --set STAGE.NAME=JSON."""
    arguments: list[str] = []
    for name, value in overrides.items():
        inner = {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
        for path, each in inner.items():
            arguments += ["--set", f"{path}={json.dumps(each)}"]
    return arguments


def folder_arguments(name: str, paths: Sequence[Path]) -> list[str]:
    """Return the arguments --NAME PATH of every path."""
    return [argument for path in paths for argument in (f"--{name}", str(path))]


def _names(value: object) -> Iterator[str]:
    """Yield every name in a value, at every depth."""
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from _names(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _names(each)


def _values_of(name: str, value: object) -> Iterator[object]:
    """Yield the values under a name, at every depth."""
    if isinstance(value, dict):
        yield from (each for key, each in value.items() if key == name)
        for each in value.values():
            yield from _values_of(name, each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _values_of(name, each)


def _merged(*tables: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for table in tables:
        for name, value in table.items():
            both = isinstance(value, dict) and isinstance(found.get(name), dict)
            found[name] = {**found[name], **value} if both else value
    return found


def _validate(kind: Kind, values: dict[str, Any], drifted: Sequence[str]) -> None:
    pictures: dict[str, Any] = {"low": (PLACEHOLDER,), "normal": (PLACEHOLDER,)}
    if kind == "prompts":
        PairSettings.model_validate(values | pictures)
    elif kind == "people":
        PeopleSettings.model_validate(values | {"base": PLACEHOLDER, "mine": (PLACEHOLDER,)})
    elif kind == "adapt":
        where = {"samples": PLACEHOLDER, "model": PLACEHOLDER, "drifted": [name.replace(".", "/") for name in drifted]}
        AdaptSettings.model_validate(values | where)
    else:
        _validate_all(AllSettings.model_validate(values | pictures | {"initial_weights": PLACEHOLDER}), pictures)


def _validate_all(settings: AllSettings, pictures: dict[str, Any]) -> None:
    """Validate every stage's table as davy_trainer.stages.iterate reads it."""
    replay: dict[str, Any] = {"data": (PLACEHOLDER,), **settings.self_supervised}
    if not {"steps", "minutes"} & set(replay):
        replay["steps"] = STEPS["self_supervised"]
    refine = {"prompts": PLACEHOLDER, "weights": (PLACEHOLDER,)} | settings.refine
    stages: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
        "self_supervised": (SelfSupervisedSettings, replay),
        "pair": (PairSettings, pictures | settings.pair),
        "refine": (RefineSettings, pictures | refine),
        "enhance": (EnhanceSettings, _enhance_values(settings, pictures, replay)),
    }
    for name, (kind, values) in stages.items():
        try:
            kind.model_validate(values)
        except ValidationError as error:
            raise ValidationError.from_exception_data(name, [_within(name, each) for each in error.errors()]) from error


def _enhance_values(settings: AllSettings, pictures: dict[str, Any], replay: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"low": pictures["low"], "initial_weights": PLACEHOLDER, "replay": replay | {"batch": REPLAYED}}
    values |= {"prompts": PLACEHOLDER} if settings.guided else {"clip_weight": 0, "fidelity_weight": 0}
    values |= {} if "minutes" in settings.enhance else {"steps": STEPS["enhance"]}
    return values | settings.enhance


def _within(stage: str, error: Any) -> Any:  # noqa: ANN401  # pydantic's own dictionaries
    return {"type": "value_error", "loc": (stage, *error["loc"]), "input": None, "ctx": {"error": ValueError(error["msg"])}}
