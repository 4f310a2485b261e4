"""Settings of the analysis, wherever it runs."""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings


class AnalysisSettings(BaseSettings, env_prefix="DAVY_ANALYSIS_", frozen=True):
    """Settings of the analysis of enhanced frames."""

    enabled: bool = Field(True, description="Analyse enhanced frames.")
    run_in: Literal["aggregator", "workers"] = Field(
        "aggregator", description="aggregator: analyse in its process. workers: any number of `davy analyser` do it."
    )
    fps: PositiveFloat = Field(1.0, description="Maximum frames per second and camera for motion, light and lens.")
    person_fps: NonNegativeFloat = Field(
        2.0, description="Frames per second and camera for people, machines and rules about places; 0 disables them."
    )
    threads: int = Field(
        1, ge=1, le=64, description="Cameras that are looked at at the same time; a look for people takes some 25 ms."
    )
    batch: int = Field(
        1,
        ge=1,
        le=64,
        description="Most pictures of different cameras in one run of the detector, for GPUs; `threads` bounds it too.",
    )
    width: PositiveInt = Field(640, description="Decode frames at the smallest scale of at least this width in pixels.")
    cooldown_s: NonNegativeFloat = Field(60.0, description="Seconds before the same finding of a camera is reported again.")
    detector: Path | None = Field(
        None, description="ONNX detector; NAME.yaml beside NAME.onnx describes it. Default: the shipped one."
    )
    detector_score: float | None = Field(
        None, ge=0, le=1, description="Discard detections below this score; as described if absent."
    )
    providers: tuple[Literal["cpu", "openvino", "cuda", "tensorrt"], ...] = Field(
        ("cpu",), min_length=1, description="Execution providers of ONNX Runtime for the detector, in order of preference."
    )

    @property
    def by_analysers(self) -> bool:
        """Whether processes `davy analyser` carry the analysis out."""
        return self.enabled and self.run_in == "workers"

    @property
    def detects(self) -> bool:
        """Whether the analysis runs a detector, which rollouts may swap."""
        return self.by_analysers or (self.enabled and self.person_fps > 0)
