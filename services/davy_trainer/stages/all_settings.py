"""Settings of `davy train all`; free of torch, so that the training service can validate them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, Field, NonNegativeInt, PositiveInt, field_validator
from pydantic_core.core_schema import ValidationInfo

from davy_trainer.stages.device_settings import DeviceSettings
from davy_trainer.stages.migration import migrate_settings
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings
from davy_trainer.stages.settings import EnhanceSettings, PairSettings, RefineSettings

STEPS = {"enhance": 600, "self_supervised": 4000}  # default number of steps
TABLES: dict[str, type[BaseModel]] = {
    "self_supervised": SelfSupervisedSettings,
    "pair": PairSettings,
    "enhance": EnhanceSettings,
    "refine": RefineSettings,
}


class AllSettings(DeviceSettings, frozen=True):
    """Settings of all stages; a stage's table overrides that stage's defaults."""

    low: tuple[Path, ...] = Field(min_length=1)  # folders of real low-light pictures
    normal: tuple[Path, ...] = Field(min_length=1)  # folders of well-lit photographs
    photographs: tuple[Path, ...] = ()  # further photographs for stages 0 and 2, such as exposure brackets
    initial_weights: Path | None = None  # weights to start from, in place of stage 0
    prompts: Path | None = None  # prompt pair to start from, in place of stage 1
    rounds: PositiveInt = 2  # rounds of enhancement; refinement runs between them
    refined: bool = True  # false omits stage 3, for an ablation
    clip: str = "davy"  # davy, davy:FILE, NAME:FILE or NAME:TAG
    guided: bool = True  # false trains without CLIP, for an ablation
    validation: Path | None = None  # folder with low/ and high/
    seed: NonNegativeInt = 1  # random seed of every stage
    threads: PositiveInt = 1  # threads of torch
    self_supervised: dict[str, Any] = Field({})  # settings of stage 0
    pair: dict[str, Any] = Field({})  # settings of stage 1
    enhance: dict[str, Any] = Field({})  # settings of stage 2
    refine: dict[str, Any] = Field({})  # settings of stage 3

    RENAMED: ClassVar[Mapping[str, str]] = {"start": "initial_weights"}

    @field_validator(*TABLES)
    @classmethod
    def _migrate_table(cls, table: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        return migrate_settings(table, TABLES[str(info.field_name)])
