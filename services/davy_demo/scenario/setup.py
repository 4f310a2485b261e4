"""What the story is played on: a small mine whose gallery loses its light at a known time, and everybody's settings."""

from dataclasses import dataclass
from typing import Any

from davy.site import SiteConfig

SIZE = (640, 360)
FPS = 4.0
CHANGED = ("east", "gallery")  # edge and camera; the edge that sorts first is the canary
OTHERS = (("south", "conveyor"), ("west", "junction"))


@dataclass(frozen=True, slots=True)
class Timing:
    """When what happens, s. A mine would learn its usual light for ten minutes, and judge it over five."""

    reference: float = 90.0  # of learning what light is usual
    window: float = 25.0  # over which the light now is judged
    change_at: float = 140.0  # on the mine's clock
    sample_every: float = 6.0
    measured: float = 45.0  # before and after the new model, of delivered pictures
    patience: float = 900.0  # the most that any act may take


def stage(change: str, timing: Timing) -> SiteConfig:
    """The mine of the story; change is the query of a `mine://` source, as dim=0.3&kelvin=2700."""

    def edge(camera: str, query: str = "") -> dict[str, Any]:
        width, height = SIZE
        return {"cameras": {camera: {"source": f"mine://{camera}{query}", "fps": FPS, "width": width, "height": height}}}

    edges = {name: edge(camera) for name, camera in OTHERS}
    edges[CHANGED[0]] = edge(CHANGED[1], f"?{change}&from={timing.change_at:g}")
    return SiteConfig.model_validate({"site": "story", "edges": dict(sorted(edges.items()))})


def edge_settings(timing: Timing) -> dict[str, Any]:
    """Of every edge, in place of what a mine would have."""
    return {
        "drift_reference_s": timing.reference,
        "drift_window_s": timing.window,
        "look_every_s": 1.0,
        "stats_every_s": 3.0,
        "samples_every_s": timing.sample_every,
        "samples_bytes_per_hour": 40_000_000,
    }


def trainer_settings(steps: int) -> dict[str, Any]:
    """Of the training service."""
    return {
        "drift_above": 1.6,  # so little was learned of what is usual that a miner's lamp may make 1.3
        "drift_looks": 3,
        "drift_every_s": 4.0,
        "drift_cooldown_s": 3600.0,
        "samples_least": 2,
        "samples_wait_s": 60.0,
        "rollout": True,
        "overrides": {"adapt": {"steps": steps}},
    }
