"""What happened when: drift, delivered pictures' PSNR and model, runs, rollouts; all from outside, over MQTT and REST."""

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
LOOK_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Look:
    """One camera at one moment. at: s since the story began; psnr_db of the delivered picture, None while there is none."""

    at: float
    camera: str
    model: str
    psnr_db: float | None
    drift: float | None


@dataclass(slots=True)
class Diary:
    """Grows while the story runs."""

    began: float = field(default_factory=time.monotonic)
    looks: list[Look] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)

    def now(self) -> float:
        return time.monotonic() - self.began

    def note(self, what: str) -> None:
        self.events.append((self.now(), what))

    def mean_psnr(self, camera: str, since: float, until: float) -> float:
        """Mean over delivered pictures, dB; NaN where there was none."""
        values = [
            look.psnr_db for look in self.looks
            if look.camera == camera and since <= look.at < until and look.psnr_db is not None
        ]  # fmt: skip
        return sum(values) / len(values) if values else float("nan")

    def save(self, path: Path, more: Mapping[str, Any]) -> None:
        looks = [[round(look.at, 2), look.camera, look.model, look.psnr_db, look.drift] for look in self.looks]
        events = [[round(at, 2), what] for at, what in self.events]
        told = {**more, "events": events, "looks": {"columns": ["at_s", "camera", "model", "psnr_db", "drift"], "rows": looks}}
        path.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


async def keep(diary: Diary, client: httpx.AsyncClient, mine: Mine, views: Views) -> None:
    """Look at every camera every LOOK_EVERY_S until cancelled; a look that fails is left out."""
    while True:
        try:
            drifts = (await client.get("/v1/drift")).raise_for_status().json()["cameras"]
            scores = {each["camera"]: each["score"] for each in drifts}
            for camera, view in views.items():
                name = camera.key
                if view.latest is not None:
                    found = await asyncio.to_thread(_psnr_db, mine, camera, view.latest)
                    model = view.latest.properties.get("model", "")
                    diary.looks.append(Look(diary.now(), name, model, found, scores.get(name)))
        except (DavyError, httpx.HTTPError, KeyError, ValueError) as error:
            log.warning("story.look_failed", error=str(error))
        await asyncio.sleep(LOOK_EVERY_S)


def _psnr_db(mine: Mine, camera: CameraAddress, message: Message) -> float:
    shown, truth, _ = delivered(mine, camera.camera, message)
    return psnr_db(shown, truth)
