"""YAML with line numbers: errors name file and line, and duplicate keys are errors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from davy.domain.errors import ConfigError

MAX_NODES = 200_000  # values of a file: 1,000 cameras have 20,000
MAX_LEVELS = 64


@dataclass(frozen=True, slots=True)
class YamlMapping:
    """A parsed file.

    Args:
        text: The content of the file.
        name: Name of the file, for messages.
        values: Its content.
    """

    name: str
    values: dict[str, Any]
    _root: yaml.Node | None

    def line_of(self, where: Sequence[str]) -> int:
        """Line of the deepest existing key of the path; 1 if no key exists."""
        line, node = 1, self._root
        for part in where:
            found = next(((key, value) for key, value in _pairs(node) if str(key.value) == part), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        return line


def parse_mapping(text: str, name: str, content: str) -> YamlMapping:
    """Parse a YAML file whose top level is a mapping.

    Args:
        text: The content of the file.
        name: Name of the file, for messages.
        content: Expected keys of the mapping, for messages.

    Raises:
        ConfigError: the text is not YAML, not a mapping, or has duplicate keys; each line reads `file:line: error`.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _check_extent(root)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        begun = f" ({error.context} that begins in line {error.context_mark.line + 1})" if error.context_mark else ""
        raise ConfigError(f"{name}:{line}: not YAML: {error.problem}{begun}") from error
    except yaml.YAMLError as error:  # characters that YAML forbids, which have no line
        raise ConfigError(f"{name}: not YAML: {error}") from error
    except (RecursionError, ValueError) as error:  # levels without end, and a number of thousands of digits
        raise ConfigError(f"{name}: over {MAX_LEVELS} levels, or a number of over 4,300 digits") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{name}:1: a mapping with {content} is expected")
    if duplicates := list(_duplicates(root)):
        lines = [f"{name}:{line}: duplicate key {key!r}, first in line {first}" for key, first, line in duplicates]
        raise ConfigError("\n".join(lines))
    return YamlMapping(name, values, root)


def _check_extent(root: yaml.Node | None) -> None:
    """Refuse what aliases blow up, and what contains itself: nodes are counted as often as they are read.

    Raises:
        yaml.YAMLError: there are over MAX_NODES nodes or MAX_LEVELS levels.
    """
    count, level = 0, [root] if root else []
    for _ in range(MAX_LEVELS):
        count += len(level)
        if not level:
            return
        if count > MAX_NODES:
            raise yaml.YAMLError(f"over {MAX_NODES:,} values: aliases repeat what they stand for")
        level = [child for node in level for child in _children(node)]
    raise yaml.YAMLError(f"over {MAX_LEVELS} levels, or an alias for what contains it")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    return [each for pair in _pairs(node) for each in pair]


def _duplicates(node: yaml.Node | None) -> Iterator[tuple[str, int, int]]:
    """Find duplicate keys of a mapping: key, first line, this line. PyYAML keeps the last one silently."""
    first_lines: dict[tuple[str, str], int] = {}
    for key, value in _pairs(node):
        line = key.start_mark.line + 1
        if isinstance(key, yaml.ScalarNode):
            identity = key.tag, key.value
            if identity in first_lines:
                yield key.value, first_lines[identity], line
            first_lines.setdefault(identity, line)
        yield from _duplicates(value)
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicates(item)


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []
