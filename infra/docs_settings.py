"""Reference of the settings: every pydantic-settings class, and the site's file."""

import inspect
import io
import json
import os
import tokenize
from functools import cache
from pathlib import PurePath
from typing import Annotated, Any
from unittest.mock import patch

from docs_markdown import cell, code, page, sentence, table
from docs_sources import modules_with
from pydantic import BaseModel, Secret, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from davy.adapters.secret_settings import is_secret

INTRO = """
Every setting has an environment variable. A variable wins over the default, and an option of the command line wins over the
variable. Lists and tables are JSON. "URL, or a file" may hold a password. `<VARIABLE>_FILE` or a credential of systemd names a
file with it ([secrets in files](../how-to/secrets-in-files.md)).
"""
TRAINING_INTRO = """
`--set NAME=VALUE` sets each of them; values are JSON. `davy train all` takes `--set STAGE.NAME=VALUE`. A checkpoint carries its
settings, and a resumed run keeps them. A loss of weight 0 is switched off.
"""
SITE_INTRO = """
`site.yaml` describes one site. `DAVY_` and the path, joined by two underscores, overrides each value:
`DAVY_EDGES__NORTH__CAMERAS__FACE_1__FPS=5` sets `edges.north.cameras.face-1.fps`. `_` stands for the `-` of an id.
"""


def settings_page() -> str:
    """The page with every settings class and every variable."""
    classes = sorted(_classes(), key=lambda found: str(found.model_config.get("env_prefix")))
    return page("Settings", INTRO, *(_section(found) for found in classes), _site())


def training_page() -> str:
    """The page with the settings of every training stage, the weights of its losses among them."""
    from davy_trainer.adapt.settings import AdaptSettings
    from davy_trainer.stages.all_settings import AllSettings
    from davy_trainer.stages.base_settings import BaseSettings as BaseStage
    from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings
    from davy_trainer.stages.settings import EnhanceSettings, PairSettings, RefineSettings

    stages: dict[str, type[BaseModel]] = {
        "self-supervised": SelfSupervisedSettings,
        "pair": PairSettings,
        "enhance": EnhanceSettings,
        "refine": RefineSettings,
        "all": AllSettings,
        "base": BaseStage,
        "adapt": AdaptSettings,
    }
    return page("Training settings", TRAINING_INTRO, *(_stage(name, found) for name, found in stages.items()))


def _stage(name: str, found: type[BaseModel]) -> str:
    rows = [
        (code(field), code(_type(info)), code(_default(info)), _meaning(found, field, info))
        for field, info in found.model_fields.items()
    ]
    summary = sentence((inspect.getdoc(found) or "").splitlines()[0])
    return f"## davy train {name}\n\n{summary}\n\n" + table(("setting", "type", "default", "meaning"), rows)


def _classes() -> set[type[BaseSettings]]:
    found = set()
    for module in (*modules_with("BaseSettings"), *modules_with("SecretSettings")):
        for _, value in inspect.getmembers(module, inspect.isclass):
            if issubclass(value, BaseSettings) and value.model_fields and value.__module__ == module.__name__:
                found.add(value)
    return found


def _section(found: type[BaseSettings]) -> str:
    prefix = str(found.model_config.get("env_prefix", ""))
    rows = [
        (code(f"{prefix}{name}".upper()), code(_type(field)), code(_default(field)), _meaning(found, name, field))
        for name, field in found.model_fields.items()
        if not _nested(field)
    ]
    summary = sentence((inspect.getdoc(found) or "").splitlines()[0])
    return f"## `{prefix}*`\n\n{summary} Class `{found.__module__}.{found.__name__}`.\n\n" + table(
        ("variable", "type", "default", "meaning"), rows
    )


def _site() -> str:
    from davy.site import CameraConfig, EdgeConfig, SiteConfig

    parts = [f"## site.yaml\n\n{SITE_INTRO.strip()}\n"]
    for found, where in ((SiteConfig, ""), (EdgeConfig, "edges.EDGE."), (CameraConfig, "edges.EDGE.cameras.CAMERA.")):
        rows = [
            (code(f"{where}{name}"), code(_type(field)), code(_default(field)), _meaning(found, name, field))
            for name, field in found.model_fields.items()
        ]
        parts.append(f"### {found.__name__}\n\n" + table(("path", "type", "default", "meaning"), rows))
    return "\n".join(parts)


def _nested(field: FieldInfo) -> bool:
    return inspect.isclass(field.annotation) and issubclass(field.annotation, BaseSettings)


def _type(field: FieldInfo) -> str:
    if is_secret(field):
        return "URL, or a file"
    value: Any = (field.annotation, field)
    schema = TypeAdapter(Annotated[value]).json_schema()
    return _schema_type(schema, schema.get("$defs", {}))


def _schema_type(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in schema:
        return " or ".join(_schema_type(part, definitions) for part in schema["anyOf"] if part.get("type") != "null")
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_schema_type(schema.get('items', {}), definitions)}"
    name = "path" if schema.get("format") == "path" else str(schema.get("type", "value"))
    names = (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))
    return " ".join([name, *(f"{sign} {schema[key]}" for key, sign in names if key in schema)])


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        with patch.object(os, "cpu_count", return_value=None):  # the page is the same on every machine
            value = field.default_factory()  # type: ignore[call-arg]
        return "number of processors" if field.annotation is int else json.dumps(value, default=str)
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None or isinstance(field.default, BaseModel):
        return ""
    if isinstance(field.default, Secret | SecretStr):
        return str(field.default)
    return str(field.default) if isinstance(field.default, int | float | str | PurePath) else json.dumps(field.default)


def _meaning(found: type[BaseModel], name: str, field: FieldInfo) -> str:
    comments = {key: text for each in reversed(found.__mro__) for key, text in _comments(each).items()}
    text = field.description or comments.get(name, "")
    return cell(sentence(text)) if text else ""


@cache
def _comments(found: type) -> dict[str, str]:
    """The comments at the ends of the lines that declare fields, by the name of the field. Once a class: it takes a while."""
    try:
        source = inspect.getsource(found)
    except (OSError, TypeError):  # of a built-in base
        return {}
    comments = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        before = token.line[: token.start[1]].strip()
        if token.type == tokenize.COMMENT and ":" in before:
            name = before.split(":")[0].strip()
            if name.isidentifier():
                comments[name] = token.string.lstrip("# ")
    return comments
