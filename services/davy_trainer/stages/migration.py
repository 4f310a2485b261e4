"""Names of settings and of checkpoint facts before 0.2, translated when they are read."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, model_validator

RENAMED_FACTS = {"start or prompts": "initial weights or prompts", "settled": "weight_interpolation"}


class MigratedSettings(BaseModel, frozen=True, extra="forbid"):
    """Settings that are also read under their old names.

    Attributes:
        RENAMED: Old name to present name; a subclass adds its own.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _migrate(cls, values: Any) -> Any:  # noqa: ANN401  # before validation
        return migrate_settings(values, cls) if isinstance(values, Mapping) else values


def renamed_settings(kind: type[BaseModel]) -> dict[str, str]:
    """Return the present name of each old name of a kind's settings."""
    return {old: new for each in reversed(kind.__mro__) for old, new in vars(each).get("RENAMED", {}).items()}


def migrate_settings(values: Mapping[str, Any], kind: type[BaseModel]) -> dict[str, Any]:
    """Return the values under present names; a value under the present name wins."""
    renamed = renamed_settings(kind)
    return {renamed.get(name, name): value for name, value in values.items() if renamed.get(name) not in values}


def migrate_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a checkpoint under present names."""
    return {RENAMED_FACTS.get(name, name): value for name, value in facts.items()}
