"""What `davy train all` is told; free of torch, so that the training service can judge it."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, NonNegativeInt, PositiveInt

STEPS = {"enhance": 600, "self_supervised": 4000}  # steps where none are set


class AllSettings(BaseModel, frozen=True, extra="forbid"):
    """The whole recipe; a stage's table overrides that stage's own defaults."""

    low: tuple[Path, ...] = Field(min_length=1)  # folders of real low-light pictures
    normal: tuple[Path, ...] = Field(min_length=1)  # folders of well-lit photographs
    photographs: tuple[Path, ...] = ()  # more of them for stages 0 and 2 only, such as exposure brackets
    start: Path | None = None  # weights to start from, in place of stage 0
    prompts: Path | None = None  # a prompt pair to start from, in place of stage 1
    rounds: PositiveInt = 2  # of enhancement; each but the first is led by refined prompts
    refined: bool = True  # false leaves stage 3 out: an ablation
    clip: str = "davy"
    guided: bool = True  # false trains without CLIP: an ablation
    validation: Path | None = None  # a folder with low/ and high/
    seed: NonNegativeInt = 1
    threads: PositiveInt = 1
    self_supervised: dict[str, Any] = {}
    pair: dict[str, Any] = {}
    enhance: dict[str, Any] = {}
    refine: dict[str, Any] = {}
