"""What a run is told: its settings, judged whole before it begins, and the words of its command."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from davy.domain.errors import InvalidInputError
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.service.settings import Kind, TrainerSettings
from davy_trainer.stages.all_settings import STEPS, AllSettings
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings
from davy_trainer.stages.settings import REPLAYED, EnhanceSettings, PairSettings, RefineSettings

# what is the service's to say
OWN = {"low", "normal", "start", "prompts", "weights", "validation", "samples", "drifted", "photographs"}
OWN_AT_ANY_DEPTH = OWN | {"data", "real"}  # of a request: a stage's table names folders, too
CLIP_NAME = re.compile(r"davy:random:\d{1,9}|[\w-]+(?::[\w-]+)?")  # a network by its name; in a request never a file
SOMEWHERE = Path("somewhere")


def judged(settings: TrainerSettings, kind: Kind, overrides: dict[str, Any], drifted: Sequence[str] = ()) -> dict[str, Any]:
    """The service's overrides of the kind with the request's over them, stage by stage.

    Raises:
        InvalidInputError: one is no setting, or has a wrong value, or is for the service to say.
    """
    merged = _merged({"threads": len(settings.cores)}, settings.overrides.get(kind, {}), overrides)
    if own := sorted(OWN & set(merged) | OWN_AT_ANY_DEPTH & set(_names(overrides))):
        raise InvalidInputError(f"{', '.join(own)}: the service says where pictures and weights are; leave it out")
    if files := [name for name in _values_of("clip", overrides) if not CLIP_NAME.fullmatch(str(name))]:
        raise InvalidInputError(f"clip: {str(files[0])[:80]!r} is not the name of a network, such as ViT-B-32:openai")
    if kind == "adapt" and not drifted:
        raise InvalidInputError("adapt needs the drifted cameras: drifted=[EDGE.CAMERA]")
    if odd := [name for name in drifted if name.count(".") != 1]:
        raise InvalidInputError(f"{odd[0]!r} names no camera: write EDGE.CAMERA")
    try:
        _validate(kind, merged, drifted)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise InvalidInputError(f"overrides of {kind}: {'; '.join(faults)}") from error
    return merged


def set_words(overrides: dict[str, Any]) -> list[str]:
    """As the commands take them: --set NAME=JSON, --set STAGE.NAME=JSON."""
    words: list[str] = []
    for name, value in overrides.items():
        inner = {f"{name}.{key}": each for key, each in value.items()} if isinstance(value, dict) else {name: value}
        for path, each in inner.items():
            words += ["--set", f"{path}={json.dumps(each)}"]
    return words


def folders(name: str, paths: Sequence[Path]) -> list[str]:
    """--low A --low B."""
    return [word for path in paths for word in (f"--{name}", str(path))]


def _names(value: object) -> Iterator[str]:
    """Every name in a value, at every depth."""
    if isinstance(value, dict):
        yield from value
        for each in value.values():
            yield from _names(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _names(each)


def _values_of(name: str, value: object) -> Iterator[object]:
    """The values under a name, at every depth."""
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


def _validate(kind: Kind, words: dict[str, Any], drifted: Sequence[str]) -> None:
    pictures: dict[str, Any] = {"low": (SOMEWHERE,), "normal": (SOMEWHERE,)}
    if kind == "prompts":
        PairSettings.model_validate(words | pictures)
    elif kind == "adapt":
        where = {"samples": SOMEWHERE, "start": SOMEWHERE, "drifted": [name.replace(".", "/") for name in drifted]}
        AdaptSettings.model_validate(words | where)
    else:
        _validate_all(AllSettings.model_validate(words | pictures | {"start": SOMEWHERE}), pictures)


def _validate_all(asked: AllSettings, pictures: dict[str, Any]) -> None:
    """Every stage's table, as davy_trainer.stages.iterate will read it."""
    replay: dict[str, Any] = {"data": (SOMEWHERE,), **asked.self_supervised}
    if not {"steps", "minutes"} & set(replay):
        replay["steps"] = STEPS["self_supervised"]
    stages: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
        "self_supervised": (SelfSupervisedSettings, replay),
        "pair": (PairSettings, pictures | asked.pair),
        "refine": (RefineSettings, pictures | {"prompts": SOMEWHERE, "weights": (SOMEWHERE,)} | asked.refine),
        "enhance": (EnhanceSettings, _enhance_words(asked, pictures, replay)),
    }
    for name, (kind, words) in stages.items():
        try:
            kind.model_validate(words)
        except ValidationError as error:
            raise ValidationError.from_exception_data(name, [_within(name, fault) for fault in error.errors()]) from error


def _enhance_words(asked: AllSettings, pictures: dict[str, Any], replay: dict[str, Any]) -> dict[str, Any]:
    words: dict[str, Any] = {"low": pictures["low"], "start": SOMEWHERE, "replay": replay | {"batch": REPLAYED}}
    words |= {"prompts": SOMEWHERE} if asked.guided else {"clip_weight": 0, "fidelity_weight": 0}
    words |= {} if "minutes" in asked.enhance else {"steps": STEPS["enhance"]}
    return words | asked.enhance


def _within(stage: str, fault: Any) -> Any:  # noqa: ANN401  # pydantic's own dictionaries
    return {"type": "value_error", "loc": (stage, *fault["loc"]), "input": None, "ctx": {"error": ValueError(fault["msg"])}}
