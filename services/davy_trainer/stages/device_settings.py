"""The device of a stage, as settings."""

from typing import Literal

from pydantic import BaseModel

DeviceName = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]


class DeviceSettings(BaseModel, frozen=True, extra="forbid"):
    """Where a stage trains."""

    device: DeviceName = "auto"  # auto: cuda if torch sees a GPU, else cpu
    precision: Precision = "auto"  # of the networks' passes; auto: bfloat16 on a GPU, float32 on a CPU
