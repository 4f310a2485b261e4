"""The operator's dials as query parameters of REST."""

from typing import Annotated

from fastapi import Depends, Query

from davy.domain.dials import Dials, Preset, dials_of


def _of_query(
    preset: Annotated[Preset | None, Query(description="Dials for a kind of place; a dial that is given replaces it.")] = None,
    brightness: Annotated[float | None, Query(ge=-1, le=1, description="-1 darker, 0 neutral, 1 brighter.")] = None,
    local_contrast: Annotated[float | None, Query(ge=-1, le=1, description="-1 flatter, 0 neutral, 1 more.")] = None,
    noise: Annotated[float | None, Query(ge=-1, le=1, description="-1 keeps all grain, 0 neutral, 1 smooths most.")] = None,
    colour: Annotated[float | None, Query(ge=0, le=2, description="0 monochrome, 1 neutral, 2 twice the saturation.")] = None,
) -> Dials:
    return dials_of(preset, brightness, local_contrast, noise, colour)


QueryDials = Annotated[Dials, Depends(_of_query)]
