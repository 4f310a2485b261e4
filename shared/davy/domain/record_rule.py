"""What is recorded of a camera, and where: `record:` of a camera's configuration."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat

from davy.domain.video import Variant

Mode = Literal["off", "continuous", "motion", "alarm"]


class RecordRule(BaseModel):
    """The ring of a camera's edge, and the rule of the aggregator's recording."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    ring_hours: NonNegativeFloat = Field(0.0, le=24 * 366, description="Hours of video that the edge keeps; 0 keeps none.")
    mode: Mode = Field(
        "off",
        description="What the aggregator records. continuous: all. motion: around events of kind motion. alarm: around events "
        "of severity alarm.",
    )
    before_s: float = Field(
        10.0, ge=0, le=3600, description="Seconds before a motion or an alarm. They come from the edge's ring."
    )
    after_s: float = Field(30.0, ge=1, le=3600, description="Seconds after it.")
    variants: tuple[Variant, ...] = Field(
        ("enhanced",), min_length=1, max_length=2, description="Which pictures: enhanced, raw, or both; of the ring, too."
    )
    days: NonNegativeFloat = Field(
        30.0, le=3660, description="Days that the aggregator keeps them; 0 keeps them until bytes are short."
    )

    @property
    def ring(self) -> frozenset[Variant]:
        """What the edge keeps."""
        return frozenset(self.variants) if self.ring_hours else frozenset()

    @property
    def recorded(self) -> frozenset[Variant]:
        """What the aggregator records, always or at times."""
        return frozenset(self.variants) if self.mode != "off" else frozenset()
