"""The acts, one after the other; each waits for what the mine does by itself, and none does it for the mine."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from davy.adapters.storage.model_registry import ModelRegistry
from davy.domain.errors import DavyError
from davy.models.keyring import TRUST, signing_key
from davy.models.package import TENSORS, Provenance, pack
from davy_demo.scenario.bad_models import BAD
from davy_demo.scenario.setup import CHANGED, Timing
from davy_demo.scenario.timeline import Diary

POLL_S = 1.0
NAME = ".".join(CHANGED)
Tell = Callable[[str], None]
T = TypeVar("T")


class StoryFailedError(DavyError):
    """The mine did not do what it should."""


@dataclass(slots=True)
class Told:
    """What the acts found out. Times in s since the story began."""

    changed_at: float = 0.0
    run: Mapping[str, Any] = field(default_factory=dict)
    rollout: Mapping[str, Any] = field(default_factory=dict)
    swapped_at: float = 0.0
    bad: dict[str, dict[str, Any]] = field(default_factory=dict)


class Acts:
    """Args: cloud and trainer are REST clients of the two services."""

    def __init__(self, diary: Diary, cloud: httpx.AsyncClient, trainer: httpx.AsyncClient, timing: Timing, tell: Tell) -> None:
        self._diary, self._cloud, self._trainer, self._timing, self._tell = diary, cloud, trainer, timing, tell
        self.told = Told()

    def note(self, what: str) -> float:
        """Into the diary and onto the screen; gives the time."""
        self._diary.note(what)
        self._tell(f"{self._diary.now():6.0f} s  {what}")
        return self._diary.now()

    async def light_changes(self, after_s: float) -> None:
        """Wait until the gallery's lamps are what they will be; by then every edge must know its usual light."""
        await asyncio.sleep(max(after_s, 0))
        cameras = (await self._get(self._cloud, "/v1/drift"))["cameras"]
        if unready := [each["camera"] for each in cameras if each["state"] in ("unknown", "settling")]:
            raise StoryFailedError(
                f"{', '.join(unready)}: what light is usual was not learned in time: the machine is too busy"
            )
        self.told.changed_at = self.note(f"the light of {NAME} changes for the worse")

    async def drift_rises(self) -> None:
        """Its edge says that the model fits no more; nobody asked it."""

        async def drifted() -> bool | None:
            cameras = (await self._get(self._cloud, "/v1/drift"))["cameras"]
            return any(each["camera"] == NAME and each["state"] == "drifted" for each in cameras) or None

        await self._until("drift rises", drifted)
        self.note(f"{NAME} has drifted")

    async def run_starts_and_ends(self) -> None:
        """The training service starts a run by itself, and it comes to its end."""

        async def begun() -> Mapping[str, Any] | None:
            runs = (await self._get(self._trainer, "/v1/training-runs"))["runs"]
            return runs[0] if runs else None

        run = await self._until("a training run starts by itself", begun)
        self.note(f"training run {run['id']} starts by itself: {run.get('reason', '')}")

        async def ended() -> Mapping[str, Any] | None:
            found = await self._get(self._trainer, f"/v1/training-runs/{run['id']}")
            return found if found["state"] in ("done", "failed", "cancelled") else None

        self.told.run = await self._until("the training run ends", ended)
        self.note(f"training run {run['id']}: {self.told.run['state']}")
        if self.told.run["state"] != "done":
            raise StoryFailedError(f"training run {run['id']}: {self.told.run.get('told')}")

    async def fleet_takes_it(self) -> None:
        """The newest rollout goes over canary and waves."""

        async def begun() -> Mapping[str, Any] | None:
            rollouts = (await self._get(self._cloud, "/v1/rollouts"))["rollouts"]
            return rollouts[0] if rollouts else None

        begin = await self._until("a rollout starts by itself", begun)
        self.note(f"rollout of {begin['frame_id']} begins at canary {_canaries(begin)}")
        self.told.rollout = await self._rollout_ends(str(begin["id"]))
        self.told.swapped_at = self.note(f"rollout {self.told.rollout['state']}: {self.told.rollout['reason']}")

    async def bad_models(self, registry_url: str, keys: Path) -> None:
        """Each has a valid signature, and none may get beyond the canary."""
        for kind in BAD:
            good = await self._desired()
            model = await asyncio.to_thread(_register, registry_url, keys, good, kind)
            began = self.note(f"a bad model ({kind}) with a valid signature goes out")
            made = (await self._cloud.post("/v1/rollouts", json={"model": model, "probation_s": 8.0})).raise_for_status().json()
            ended = await self._rollout_ends(made["id"])
            touched = [edge["edge"] for edge in ended["edges"] if edge["wave"] > 0 and edge["desired_epoch"] > 0]
            causes = [edge["cause"] for edge in ended["edges"] if edge["cause"]]
            took = self.note(f"{kind}: {ended['state']} ({', '.join(causes)}); other edges touched: {len(touched)}") - began
            self.told.bad[kind] = {
                "made-from": good,
                "state": ended["state"],
                "causes": causes,
                "seconds": round(took, 1),
                "others-touched": touched,
            }

    async def _desired(self) -> str:
        """What the canaries shall run now: after a rollout that came to nothing, what they ran before it."""
        rollouts = (await self._get(self._cloud, "/v1/rollouts"))["rollouts"]
        return desired_model(rollouts[0])

    async def _rollout_ends(self, rollout: str) -> Mapping[str, Any]:
        async def ended() -> Mapping[str, Any] | None:
            found = await self._get(self._cloud, f"/v1/rollouts/{rollout}")
            return found if found["state"] not in ("running", "paused") else None

        return await self._until("the rollout ends", ended)

    async def _until(self, act: str, look: Callable[[], Awaitable[T | None]]) -> T:
        try:
            async with asyncio.timeout(self._timing.patience):
                while True:
                    with suppress(httpx.TransportError):  # a busy machine may answer the next time
                        if (found := await look()) is not None:
                            return found
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            waited = f"{act}: it did not happen within {self._timing.patience:.0f} s; the service's log says why"
            raise StoryFailedError(waited) from error

    @staticmethod
    async def _get(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
        found: dict[str, Any] = (await client.get(path)).raise_for_status().json()
        return found


def desired_model(rollout: Mapping[str, Any]) -> str:
    """The model that its canaries shall run.

    Raises:
        StoryFailedError: they shall run none of the registry's, or not all the same.
    """
    found = {str(edge["desired_model"]) for edge in rollout["edges"] if edge["wave"] == 0}
    if len(found) != 1 or "" in found:
        raise StoryFailedError(f"rollout {rollout['id']}: no one model that {_canaries(rollout)} shall run")
    return found.pop()


def _canaries(rollout: Mapping[str, Any]) -> str:
    return ", ".join(edge["edge"] for edge in rollout["edges"] if edge["wave"] == 0)


def _register(registry_url: str, keys: Path, good: str, kind: str) -> str:
    registry = ModelRegistry(registry_url, keys / TRUST)
    package = registry.open(registry.get(good))
    provenance = Provenance(run=kind, parent=package.id)
    bad = pack(BAD[kind](package.onnx), package.files[TENSORS], f"# {kind}", signing_key(keys), provenance)
    return registry.add(bad.data, run=False).id
