"""Setup of the scenario: a small mine whose gallery loses its light at a known time, and the settings of its services."""

from dataclasses import dataclass
from typing import Any

from davy.site import SiteConfig

SIZE = (640, 360)
FPS = 4.0
CHANGED = ("east", "gallery")  # edge and camera; the edge that sorts first is the canary
OTHERS = (("south", "conveyor"), ("west", "junction"))


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of the scenario in s. A real site learns the reference light for ten minutes and averages over five."""

    reference: float = 90.0  # duration of learning the reference light
    window: float = 25.0  # time constant of the present light
    change_at: float = 140.0  # on the simulator's clock
    sample_every: float = 6.0
    measured: float = 45.0  # duration of each PSNR measurement, before and after the new model
    patience: float = 900.0  # timeout of each step


def scenario_site(change: str, timing: Timing) -> SiteConfig:
    """Build the site; change is the query of a `simulator://` source, such as dim=0.3&kelvin=2700."""

    def edge(camera: str, query: str = "") -> dict[str, Any]:
        width, height = SIZE
        return {"cameras": {camera: {"source": f"simulator://{camera}{query}", "fps": FPS, "width": width, "height": height}}}

    edges = {name: edge(camera) for name, camera in OTHERS}
    edges[CHANGED[0]] = edge(CHANGED[1], f"?{change}&from={timing.change_at:g}")
    return SiteConfig.model_validate({"site": "scenario", "edges": dict(sorted(edges.items()))})


def edge_settings(timing: Timing) -> dict[str, Any]:
    """Return the settings of every edge, faster than those of a real site."""
    return {
        "drift_reference_s": timing.reference,
        "drift_window_s": timing.window,
        "look_every_s": 1.0,
        "stats_every_s": 3.0,
        "samples_every_s": timing.sample_every,
        "samples_bytes_per_hour": 40_000_000,
    }


def trainer_settings(steps: int) -> dict[str, Any]:
    """Return the settings of the training service."""
    return {
        "drift_above": 1.6,  # the reference is short: a miner's lamp alone may reach 1.3
        "drift_checks": 3,
        "drift_every_s": 4.0,
        "drift_cooldown_s": 3600.0,
        "min_samples": 2,
        "samples_wait_s": 60.0,
        "sign": "itself",  # nobody is there to sign: a demonstration of the complete loop
        "rollout": True,
        "overrides": {"adapt": {"steps": steps}},
    }
