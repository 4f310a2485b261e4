"""The steps of the scenario in order. They wait for the services and trigger only the bad models."""

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
from davy_demo.scenario.timeline import Timeline

POLL_S = 1.0
NAME = ".".join(CHANGED)
Report = Callable[[str], None]
T = TypeVar("T")


class ScenarioFailedError(DavyError):
    """A step of the scenario failed."""


@dataclass(slots=True)
class Outcome:
    """Results of the steps. Times are in s since the start of the scenario."""

    changed_at: float = 0.0
    run: Mapping[str, Any] = field(default_factory=dict)
    rollout: Mapping[str, Any] = field(default_factory=dict)
    swapped_at: float = 0.0
    bad: dict[str, dict[str, Any]] = field(default_factory=dict)


class ScenarioSteps:
    """Runs the steps. aggregator and trainer are REST clients."""

    def __init__(
        self, timeline: Timeline, aggregator: httpx.AsyncClient, trainer: httpx.AsyncClient, timing: Timing, report: Report
    ) -> None:
        self._timeline, self._aggregator, self._trainer, self._timing, self._report = (
            timeline,
            aggregator,
            trainer,
            timing,
            report,
        )
        self.outcome = Outcome()

    def record(self, text: str) -> float:
        """Record an event in the timeline, report it, and return its time."""
        self._timeline.record(text)
        self._report(f"{self._timeline.now():6.0f} s  {text}")
        return self._timeline.now()

    async def light_changes(self, after_s: float) -> None:
        """Wait for the change of light; every edge must have its reference by then."""
        await asyncio.sleep(max(after_s, 0))
        cameras = (await self._get(self._aggregator, "/v1/drift"))["cameras"]
        if unready := [each["camera"] for each in cameras if each["state"] in ("unknown", "settling")]:
            raise ScenarioFailedError(f"{', '.join(unready)}: no reference light yet: the machine is too slow")
        self.outcome.changed_at = self.record(f"the light of {NAME} changes")

    async def drift_rises(self) -> None:
        """Wait until the edge reports drift."""

        async def drifted() -> bool | None:
            cameras = (await self._get(self._aggregator, "/v1/drift"))["cameras"]
            return any(each["camera"] == NAME and each["state"] == "drifted" for each in cameras) or None

        await self._until("drift rises", drifted)
        self.record(f"{NAME} has drifted")

    async def run_starts_and_ends(self) -> None:
        """Wait until the training service starts a run automatically, and until that run ends."""

        async def begun() -> Mapping[str, Any] | None:
            runs = (await self._get(self._trainer, "/v1/training-runs"))["runs"]
            return runs[0] if runs else None

        run = await self._until("a training run starts", begun)
        self.record(f"training run {run['id']} starts automatically: {run.get('reason', '')}")

        async def ended() -> Mapping[str, Any] | None:
            found = await self._get(self._trainer, f"/v1/training-runs/{run['id']}")
            return found if found["state"] in ("done", "failed", "cancelled") else None

        self.outcome.run = await self._until("the training run ends", ended)
        self.record(f"training run {run['id']}: {self.outcome.run['state']}")
        if self.outcome.run["state"] != "done":
            raise ScenarioFailedError(f"training run {run['id']}: {self.outcome.run.get('message')}")

    async def model_rolls_out(self) -> None:
        """Wait until the newest rollout has passed its canary and waves."""

        async def begun() -> Mapping[str, Any] | None:
            rollouts = (await self._get(self._aggregator, "/v1/rollouts"))["rollouts"]
            return rollouts[0] if rollouts else None

        begin = await self._until("a rollout starts", begun)
        self.record(f"rollout of {begin['frame_id']} starts on canary {_canaries(begin)}")
        self.outcome.rollout = await self._rollout_ends(str(begin["id"]))
        self.outcome.swapped_at = self.record(f"rollout {self.outcome.rollout['state']}: {self.outcome.rollout['reason']}")

    async def bad_models(self, registry_url: str, keys: Path) -> None:
        """Roll out bad models with valid signatures; no other edge than the canary may get them."""
        for kind in BAD:
            good = await self._desired()
            model = await asyncio.to_thread(_register, registry_url, keys, good, kind)
            began = self.record(f"rollout of a bad model ({kind}) with a valid signature starts")
            made = (
                (await self._aggregator.post("/v1/rollouts", json={"model": model, "probation_s": 8.0}))
                .raise_for_status()
                .json()
            )
            ended = await self._rollout_ends(made["id"])
            touched = [edge["edge"] for edge in ended["edges"] if edge["wave"] > 0 and edge["desired_epoch"] > 0]
            causes = [edge["cause"] for edge in ended["edges"] if edge["cause"]]
            took = self.record(f"{kind}: {ended['state']} ({', '.join(causes)}); other edges affected: {len(touched)}") - began
            self.outcome.bad[kind] = {
                "made-from": good,
                "state": ended["state"],
                "causes": causes,
                "seconds": round(took, 1),
                "others-touched": touched,
            }

    async def _desired(self) -> str:
        """Return the desired model of the canaries: after a failed rollout, the previous model."""
        rollouts = (await self._get(self._aggregator, "/v1/rollouts"))["rollouts"]
        return desired_model(rollouts[0])

    async def _rollout_ends(self, rollout: str) -> Mapping[str, Any]:
        async def ended() -> Mapping[str, Any] | None:
            found = await self._get(self._aggregator, f"/v1/rollouts/{rollout}")
            return found if found["state"] not in ("running", "paused") else None

        return await self._until("the rollout ends", ended)

    async def _until(self, step: str, probe: Callable[[], Awaitable[T | None]]) -> T:
        try:
            async with asyncio.timeout(self._timing.patience):
                while True:
                    with suppress(httpx.TransportError):  # a busy machine may answer the next time
                        if (found := await probe()) is not None:
                            return found
                    await asyncio.sleep(POLL_S)
        except TimeoutError as error:
            waited = f"{step}: timed out after {self._timing.patience:.0f} s; see the log of the service"
            raise ScenarioFailedError(waited) from error

    @staticmethod
    async def _get(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
        found: dict[str, Any] = (await client.get(path)).raise_for_status().json()
        return found


def desired_model(rollout: Mapping[str, Any]) -> str:
    """Return the desired model of a rollout's canaries.

    Raises:
        ScenarioFailedError: the canaries have no common desired model.
    """
    found = {str(edge["desired_model"]) for edge in rollout["edges"] if edge["wave"] == 0}
    if len(found) != 1 or "" in found:
        raise ScenarioFailedError(f"rollout {rollout['id']}: no common desired model of {_canaries(rollout)}")
    return found.pop()


def _canaries(rollout: Mapping[str, Any]) -> str:
    return ", ".join(edge["edge"] for edge in rollout["edges"] if edge["wave"] == 0)


def _register(registry_url: str, keys: Path, good: str, kind: str) -> str:
    registry = ModelRegistry(registry_url, keys / TRUST)
    package = registry.open(registry.get(good))
    provenance = Provenance(run=kind, parent=package.id)
    bad = pack(BAD[kind](package.onnx), package.files[TENSORS], f"# {kind}", signing_key(keys), provenance)
    return registry.add(bad.data, run=False).id
