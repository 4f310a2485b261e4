"""The device of a stage, as settings."""

from typing import Literal

from davy_trainer.stages.migration import MigratedSettings

DeviceName = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]


class DeviceSettings(MigratedSettings, frozen=True):
    """Device and precision of a stage."""

    device: DeviceName = "auto"  # auto: cuda if torch sees a GPU, else cpu
    precision: Precision = "auto"  # of the networks' passes; auto: bfloat16 on a GPU, float32 on a CPU
