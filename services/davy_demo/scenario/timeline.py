"""Timeline of a scenario: drift, PSNR and model of delivered pictures, and events, observed over MQTT and REST."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from davy.domain.camera import CameraAddress
from davy.domain.errors import DavyError
from davy.domain.ports import Message
from davy.imaging.iqa import psnr_db
from davy.telemetry import get_logger
from davy_demo.observer import Views, delivered
from davy_simulator.world import Mine

log = get_logger(__name__)
OBSERVE_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Observation:
    """One camera at one instant. at: s since the start of the scenario. psnr_db: of the delivered picture, if any."""

    at: float
    camera: str
    model: str
    psnr_db: float | None
    drift: float | None


@dataclass(slots=True)
class Timeline:
    """Observations and events of a running scenario."""

    began: float = field(default_factory=time.monotonic)
    observations: list[Observation] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)

    def now(self) -> float:
        return time.monotonic() - self.began

    def record(self, text: str) -> None:
        self.events.append((self.now(), text))

    def mean_psnr(self, camera: str, since: float, until: float) -> float:
        """Return the mean PSNR of delivered pictures in dB; NaN without any."""
        values = [
            each.psnr_db for each in self.observations
            if each.camera == camera and since <= each.at < until and each.psnr_db is not None
        ]  # fmt: skip
        return sum(values) / len(values) if values else float("nan")

    def save(self, path: Path, more: Mapping[str, Any]) -> None:
        rows = [[round(each.at, 2), each.camera, each.model, each.psnr_db, each.drift] for each in self.observations]
        events = [[round(at, 2), text] for at, text in self.events]
        observations = {"columns": ["at_s", "camera", "model", "psnr_db", "drift"], "rows": rows}
        path.write_text(json.dumps({**more, "events": events, "observations": observations}, indent=1) + "\n", encoding="utf-8")


async def record_timeline(timeline: Timeline, client: httpx.AsyncClient, mine: Mine, views: Views) -> None:
    """Observe every camera every OBSERVE_EVERY_S until cancelled; skip an observation that fails."""
    while True:
        try:
            drifts = (await client.get("/v1/drift")).raise_for_status().json()["cameras"]
            scores = {each["camera"]: each["score"] for each in drifts}
            for camera, view in views.items():
                name = camera.key
                if view.latest is not None:
                    found = await asyncio.to_thread(_psnr_db, mine, camera, view.latest)
                    model = view.latest.properties.get("model", "")
                    timeline.observations.append(Observation(timeline.now(), name, model, found, scores.get(name)))
        except (DavyError, httpx.HTTPError, KeyError, ValueError) as error:
            log.warning("scenario.observation_failed", error=str(error))
        await asyncio.sleep(OBSERVE_EVERY_S)


def _psnr_db(mine: Mine, camera: CameraAddress, message: Message) -> float:
    shown, truth, _ = delivered(mine, camera.camera, message)
    return psnr_db(shown, truth)
