"""Reference of the command line: the help of every command, from the commands themselves."""

import re
from typing import Any, Literal, get_args, get_origin

import typer
from docs_markdown import cell, code, page, sentence, table

INTRO = """
`davy PROGRAM --help` prints the same. Options that repeat a setting win over its environment variable; see
[settings](settings.md). Exit status: 0 success, 1 failure, 2 usage error.
"""


def cli_page() -> str:
    """The page with every program, command, argument and option."""
    from davy_cli.main import app, load
    from davy_cli.programs import PROGRAMS

    parts = []
    for name, command in sorted(typer.main.get_command(app).commands.items()):
        if not command.hidden:
            parts.append(_command(load(name) if name in PROGRAMS else command, f"davy {name}", 2, command.help or ""))
    return page("Command line", INTRO, *parts)


def _command(command: Any, path: str, level: int, summary: str = "") -> str:
    text = _help(command) or sentence(summary)
    parts = [f"{'#' * min(level, 4)} {path}\n\n{text}\n"]
    if rows := [_row(parameter) for parameter in command.params if not _hidden(parameter)]:
        parts.append(table(("name", "type", "default", "meaning"), rows))
    for name, child in sorted(getattr(command, "commands", {}).items()):
        if not child.hidden:
            parts.append(_command(child, f"{path} {name}", level + 1))
    return "\n".join(parts)


def _help(command: Any) -> str:
    text = (command.help or "").split("\f")[0]
    text = re.split(r"\n\s*(?:Returns|Raises|Args):\s*\n", text)[0]
    return "\n\n".join(" ".join(block.split()) for block in text.strip().split("\n\n"))


def _hidden(parameter: Any) -> bool:
    return bool(getattr(parameter, "hidden", False)) or parameter.name in ("help", "install_completion", "show_completion")


def _row(parameter: Any) -> tuple[str, ...]:
    names = parameter.opts + parameter.secondary_opts
    shown = ", ".join(names) if parameter.param_type_name == "option" else (parameter.metavar or parameter.name.upper())
    default = parameter.default
    no_default = default is None or callable(default) or "Sentinel" in type(default).__name__ or default in ((), [], "")
    value = ("required" if parameter.required else "") if no_default else _text(default)
    return code(shown), cell(_kind(parameter)), code(value), cell(sentence(getattr(parameter, "help", "") or ""))


def _kind(parameter: Any) -> str:
    if getattr(parameter, "is_flag", False):
        return "flag"
    annotation = parameter.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        name = " or ".join(code(choice) for choice in get_args(annotation))
    else:
        name = {"str": "text", "int": "whole number", "float": "number", "Path": "path", "bool": "flag"}.get(
            getattr(annotation, "__name__", ""), str(annotation)
        )
    limits = [f"{sign} {bound:g}" for bound, sign in ((parameter.min, ">="), (parameter.max, "<=")) if bound is not None]
    return " ".join([name, *limits]) + (", repeatable" if parameter.multiple else "")


def _text(default: Any) -> str:
    return ", ".join(map(str, default)) if isinstance(default, list | tuple) else str(default)
