"""Environment variables of all programs: list, warnings about unknown names, deprecated names."""

import json
import types
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import asdict, dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from davy.adapters.secret_settings import is_secret
from davy.domain.secret_files import FILE_SUFFIX
from davy.domain.secret_url import SecretUrl
from davy.domain.suggestion import did_you_mean
from davy.site import ENV_PREFIX, CameraConfig, EdgeConfig, SiteConfig

OLD_PREFIX = "DAVY_MINE_"  # of demo and simulator, before 0.2
RENAMED = {  # of the trainer, before 0.2
    "DAVY_TRAINER_SAMPLES_MOST": "DAVY_TRAINER_MAX_SAMPLES",
    "DAVY_TRAINER_SAMPLES_MOST_BYTES": "DAVY_TRAINER_MAX_SAMPLES_BYTES",
    "DAVY_TRAINER_PICTURE_MOST_BYTES": "DAVY_TRAINER_MAX_PICTURE_BYTES",
    "DAVY_TRAINER_SAMPLES_LEAST": "DAVY_TRAINER_MIN_SAMPLES",
    "DAVY_TRAINER_LOSS_MOST_DB": "DAVY_TRAINER_MAX_PSNR_DROP_DB",
    "DAVY_TRAINER_WAITING_MOST": "DAVY_TRAINER_MAX_WAITING_RUNS",
    "DAVY_TRAINER_KEEP": "DAVY_TRAINER_KEEP_RUNS",
    "DAVY_TRAINER_DRIFT_LOOKS": "DAVY_TRAINER_DRIFT_CHECKS",
    "DAVY_TRAINER_EMBEDDING_LOOKS": "DAVY_TRAINER_EMBEDDING_CHECKS",
    "DAVY_TRAINER_EMBEDDING_LEAST": "DAVY_TRAINER_EMBEDDING_MIN_SAMPLES",
    "DAVY_TRAINER_EMBEDDING_NEWEST": "DAVY_TRAINER_EMBEDDING_SAMPLES",
}
IGNORED = ("DAVY_TEST_",)
SETTINGS = {
    "davy demo": ("davy_demo.settings", "DemoSettings"),
    "davy edge": ("davy_edge.settings", "EdgeSettings"),
    "davy aggregator": ("davy_aggregator.settings", "AggregatorSettings"),
    "davy analyser": ("davy_analyser.settings", "AnalyserSettings"),
    "davy aggregator and analyser, analysis": ("davy.analysis.settings", "AnalysisSettings"),
    "davy aggregator, identity provider": ("davy.adapters.access.oidc_settings", "OidcSettings"),
    "services behind a proxy": ("davy.adapters.http.proxy_settings", "ProxySettings"),
    "davy enhancer": ("davy_enhancer.settings", "EnhancerSettings"),
    "davy trainer": ("davy_trainer.service.settings", "TrainerSettings"),
    "davy company": ("davy_company.settings", "CompanySettings"),
    "davy simulator": ("davy_simulator.settings", "SimulatorSettings"),
    "all programs, traces": ("davy.adapters.otlp", "TracesSettings"),
    "all programs, TLS": ("davy.adapters.tls.settings", "TlsSettings"),
}


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable.

    Args:
        group: Program that reads it.
        default: As written in the environment; empty if there is none.
    """

    group: str
    name: str
    type: str
    default: str
    meaning: str


GENERAL = [
    Variable("commands", "DAVY_KEYS", "path", "keys", "Folder of the signing keys: davy keys, models, trainer."),
    Variable("commands", "DAVY_KEY_PASSPHRASE", "text", "", "Encrypts and opens the private keys."),
    Variable("commands", "DAVY_KEY_PASSPHRASE_FILE", "path", "", "File with that passphrase."),
    Variable("commands", "DAVY_REGISTRY", "URL", "models", "Model registry of davy models."),
    Variable("commands", "DAVY_CONSOLE", "URL", "http://127.0.0.1:8080", "HTTP address of the aggregator for davy edges."),
    Variable("all programs", "DAVY_TOKEN", "text", "", "Token by which this program names itself to the aggregator."),
    Variable("all programs", "DAVY_TOKEN_FILE", "path", "", "File with that token, or systemd's credential davy-token."),
    Variable("commands", "DAVY_AUTHORITY", "path", "authority", "Folder of the site's certificate authority: davy identity."),
    Variable("commands", "DAVY_CA_PASSPHRASE", "text", "", "Encrypts and opens the authority's key."),
    Variable("commands", "DAVY_CA_PASSPHRASE_FILE", "path", "", "File with that passphrase."),
    Variable("commands", "DAVY_ENROLL_TOKEN", "text", "", "Token of davy identity enroll."),
    Variable("commands", "DAVY_ENROLL_TOKEN_FILE", "path", "", "File with it, or systemd's credential davy-enroll-token."),
    Variable("internal", "DAVY_PROGRESS", "path", "", "Progress file of a training command."),
    Variable("internal", "DAVY_FAILPOINT", "text", "", "Kills the process at a named failpoint; for fault tests."),
    Variable("internal", "DAVY_SERVICE", "text", "", "The service of a container image; set by the image."),
]


def variables() -> list[Variable]:
    """Return all environment variables, from the settings classes."""
    found = [*_of_site()]
    for group in SETTINGS:
        settings = _settings(group)
        found += _of_fields(group, settings.model_config["env_prefix"], settings)
    return found + GENERAL


def warnings_of(environ: Mapping[str, str]) -> list[str]:
    """Return a warning for each unknown DAVY_ variable. The settings are imported only if there is a candidate."""
    given = [name for name in sorted(environ) if name.startswith(ENV_PREFIX) and not name.startswith((OLD_PREFIX, *IGNORED))]
    given = [name for name in given if name not in RENAMED]
    if not given:
        return []
    known = {variable.name for variable in variables() if "<" not in variable.name}
    roots = {
        f"{ENV_PREFIX}{name.upper()}" for name in (*SiteConfig.model_fields, "store")
    }  # davy.site checks the rest of the name
    roots |= {root for group in SETTINGS for root in _nested_roots(_settings(group))}
    return [
        f"warning: no program reads the environment variable {name}{did_you_mean(name, known | roots)}"
        for name in given
        if name not in known and name.split("__")[0] not in known | roots
    ]


def _nested_roots(settings: type[BaseSettings]) -> Iterator[str]:
    """Yield the start of the names of nested settings, such as DAVY_EDGE_TLS of DAVY_EDGE_TLS__FOLDER."""
    if settings.model_config.get("env_nested_delimiter"):
        for name, field in settings.model_fields.items():
            if _is_nested(field):
                yield f"{settings.model_config['env_prefix']}{name.upper()}"


def apply_old_names(environ: MutableMapping[str, str]) -> list[str]:
    """Set the new name of each deprecated variable unless it is set. Return one warning per variable."""
    lines = []
    for name in sorted(environ.keys() & RENAMED.keys()):
        environ.setdefault(RENAMED[name], environ[name])
        lines.append(f"warning: {name} is a deprecated name: use {RENAMED[name]}")
    for name in sorted(name for name in environ if name.startswith(OLD_PREFIX)):
        field = name.removeprefix(OLD_PREFIX).lower()
        new = [
            f"{settings.model_config['env_prefix']}{field.upper()}"
            for settings in (_settings("davy demo"), _settings("davy simulator"))
            if field in settings.model_fields
        ]
        for each in new:
            environ.setdefault(each, environ[name])
        lines.append(f"warning: {name} is a deprecated name{': use ' + ' or '.join(new) if new else ', and nothing reads it'}")
    return lines


def _settings(group: str) -> type[BaseSettings]:
    module, name = SETTINGS[group]
    found: type[BaseSettings] = getattr(import_module(module), name)
    return found


def _of_site() -> Iterator[Variable]:
    group = "site.yaml, every program with --config"
    for prefix, model in (
        ("", SiteConfig),
        ("EDGES__<EDGE>__", EdgeConfig),
        ("EDGES__<EDGE>__CAMERAS__<CAMERA>__", CameraConfig),
    ):
        yield from _of_fields(group, ENV_PREFIX + prefix, model)


def _of_fields(group: str, prefix: str, model: type[BaseModel]) -> Iterator[Variable]:
    for name, field in model.model_fields.items():
        if not _is_nested(field):
            variable = f"{prefix}{name.upper()}"
            yield Variable(group, variable, _type(field), _default(field), field.description or "")
            if is_secret(field):
                yield _file_of(group, variable)


def _file_of(group: str, variable: str) -> Variable:
    """The variable that names the file of a secret. Compose and systemd keep secrets in files."""
    credential = variable.lower().replace("_", "-")
    other = "" if "<" in variable else f"; or systemd's credential {credential}"
    return Variable(group, f"{variable}{FILE_SUFFIX}", "path", "", f"File with the value of {variable}{other}.")


def _is_nested(field: FieldInfo) -> bool:
    """Return whether the field is a model or a mapping of models, whose fields are listed instead."""
    types_of = (field.annotation, *get_args(field.annotation))
    return any(isinstance(each, type) and issubclass(each, BaseModel) for each in types_of)


def _type(field: FieldInfo) -> str:
    annotated = [each for each in get_args(field.annotation) if get_origin(each) is Annotated]  # of PositiveInt | None
    metadata = [*field.metadata, *(constraint for each in annotated for constraint in get_args(each)[1:])]
    bounds = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    found = [(sign, getattr(each, name, None)) for name, sign in bounds.items() for each in metadata]
    limits = [f"{sign} {value:g}" for sign, value in found if value is not None]
    return " ".join([_type_name(field.annotation), *limits])


def _type_name(annotation: object) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin is Literal:
        return " | ".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return " | ".join(_type_name(each) for each in arguments if each is not type(None))
    if origin in (tuple, list, dict):
        return "JSON"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " | ".join(str(each.value) for each in annotation)
    names: dict[object, str] = {
        SecretUrl: "URL",
        SecretStr: "secret",
        str: "text",
        Path: "path",
        bool: "true | false",
        int: "integer",
        float: "number",
    }
    return names.get(annotation, str(annotation))


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None or field.default in (PydanticUndefined, None):
        return ""
    value = field.default.value if isinstance(field.default, Enum) else field.default
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_text(found: list[Variable]) -> str:
    """Format the variables as text, one paragraph each, by program."""
    lines = []
    for group in dict.fromkeys(variable.group for variable in found):
        lines.append(f"{group}:")
        for each in found:
            if each.group == group:
                default = f" (default: {each.default})" if each.default else ""
                lines.append(f"  {each.name}  {each.type}{default}")
                lines += [f"      {each.meaning}"] if each.meaning else []
    return "\n".join(lines)


def as_markdown(found: list[Variable]) -> str:
    """Format the variables as Markdown, one table per program."""
    lines = []
    for group in dict.fromkeys(variable.group for variable in found):
        lines += [f"## {group}", "", "| variable | type | default | meaning |", "| :--- | :--- | :--- | :--- |"]
        for each in found:
            if each.group == group:
                default = f"`{each.default}`" if each.default else ""
                lines.append(f"| `{each.name}` | {each.type.replace('|', 'or')} | {default} | {each.meaning} |")
        lines.append("")
    return "\n".join(lines).rstrip()


def as_json(found: list[Variable]) -> str:
    """Format the variables as a JSON list of objects."""
    return json.dumps([asdict(each) for each in found], indent=2)


FORMATS: dict[str, Callable[[list[Variable]], str]] = {"text": as_text, "markdown": as_markdown, "json": as_json}
