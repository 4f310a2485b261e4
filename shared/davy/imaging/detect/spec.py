"""Description of a detector: the file beside its ONNX model that says how to feed it and how to read its answer."""

from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from davy.domain.errors import ConfigError

ClassName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,50}$")]
COCO_FILE = files("davy.imaging.detect").joinpath("weights", "coco.txt")


class Head(StrEnum):
    """Formats of output."""

    NANODET = "nanodet"
    """One tensor (1, N, C + 4 B): class scores, then logits of the four distances over B bins, per cell."""
    YOLO = "yolo"
    """One tensor, (1, 4 + C, N) of YOLOv8 to 11 or (1, N, 5 + C) of YOLOv5 and v7."""
    SSD = "ssd"
    """Boxes, scores and labels, suppressed in the graph: the TensorFlow detection API, torchvision, the ONNX model zoo."""
    DETR = "detr"
    """Logits (1, Q, C or C + 1) and boxes (1, Q, 4) as centre and size over the picture: DETR, RT-DETR, RF-DETR."""


class Fit(StrEnum):
    """How a picture becomes the input."""

    LETTERBOX = "letterbox"
    STRETCH = "stretch"


class DetectorSpec(BaseModel):
    """Input and output of one ONNX detector."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: Head = Field(Head.YOLO, description="Format of the output.")
    classes: tuple[ClassName, ...] = Field(
        (), description="Class names in the model's order, or `coco`. Missing ones become class-N."
    )
    keep: tuple[ClassName, ...] = Field((), description="Classes to report; empty: all.")
    side: PositiveInt = Field(640, le=4096, description="Longer side of the input in pixels, where the model leaves it open.")
    fit: Fit = Field(Fit.LETTERBOX, description="letterbox keeps the proportions and pads, stretch does not.")
    rgb: bool = Field(True, description="Order of the channels: RGB or BGR.")
    mean: tuple[float, float, float] = Field((0.0, 0.0, 0.0), description="Subtracted from the channels, 0 to 255.")
    deviation: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = Field(
        (255.0, 255.0, 255.0), description="Divides the channels after that."
    )
    score: float = Field(0.4, ge=0, le=1, description="Discard detections below this score.")
    overlap: float = Field(0.45, ge=0, le=1, description="Of two boxes of a class that overlap by more, the better remains.")
    strides: tuple[PositiveInt, ...] = Field((8, 16, 32), description="Cell sizes of a nanodet head.")
    cell_offset: float = Field(0.5, ge=0, le=1, description="Centre of a nanodet cell in cells: 0.5, NanoDet-Plus 0.")
    softmax: bool = Field(False, description="A detr head's logits end in a class 'nothing' (DETR); false: sigmoid (RT-DETR).")
    yxyx: bool = Field(False, description="An ssd head's boxes are top, left, bottom, right, as TensorFlow writes them.")
    relative: bool = Field(False, description="An ssd head's boxes are fractions of the picture.")
    first_label: int = Field(0, ge=0, le=1, description="Number of the first class in an ssd head's labels.")

    @model_validator(mode="after")
    def _kept_classes_exist(self) -> Self:
        if unknown := sorted(set(self.keep) - set(self.classes)):
            raise ValueError(f"keep: {unknown[0]!r} is none of the classes")
        return self

    def class_name(self, number: int) -> str:
        """Name of a class."""
        return self.classes[number] if 0 <= number < len(self.classes) else f"class-{number}"


def read_spec(model: Path) -> DetectorSpec:
    """Read MODEL.yaml beside MODEL.onnx.

    Returns:
        The description; that of a YOLO export without class names if the file is absent.

    Raises:
        ConfigError: the file is malformed; the text names file and setting.
    """
    path = model.with_suffix(".yaml")
    if not path.exists():
        return DetectorSpec()
    try:
        return parse_spec(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def parse_spec(text: bytes, name: str) -> DetectorSpec:
    """Read the content of a description; name is for the error.

    Raises:
        ConfigError: it is malformed; the text names the setting.
    """
    try:
        stored = yaml.safe_load(text)
        return DetectorSpec.model_validate(
            {**stored, "classes": COCO_FILE.read_text().split()} if stored.get("classes") == "coco" else stored
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{name}: {'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}") from error
    except (ValueError, AttributeError, TypeError, yaml.YAMLError) as error:
        raise ConfigError(f"{name}: cannot be read: {error}") from error
