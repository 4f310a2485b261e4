"""One rollout as a value, and what becomes of it next: a function of itself, the fleet and the time."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from davy.domain.camera import ID_PATTERN
from davy.domain.errors import ConflictError
from davy.models.gates import Gates
from davy.twin.model import Desired, EdgeState, Reported, Target, Trial

CANARY_SHARE = 0.1  # of all edges, at most, but one
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RolloutSpec(_Value):
    """What an operator asks for."""

    model: str = Field(min_length=1, max_length=64, description="An id or its start, the id that frames carry, or a tag.")
    edges: tuple[str, ...] = Field((), max_length=1024, description="Empty: every edge that enhances.")
    canaries: PositiveInt = Field(1, description="Edges of the first wave; at most a tenth of all, but one.")
    waves: tuple[float, ...] = Field((0.1, 0.5, 1.0), min_length=1, max_length=16, description="Shares of all edges.")
    shadow_frames: NonNegativeInt = Field(40, le=10_000, description="On canaries: pictures that both models see.")
    probation_s: float = Field(20.0, ge=0, le=86_400, description="How long a new model is watched after the swap.")
    wave_timeout_s: PositiveFloat = Field(600.0, description="An edge that is online and not done by then has failed.")
    failures: float = Field(0.05, ge=0, le=1, description="Share of the edges begun that may fail after the canaries.")
    per_minute: PositiveInt = Field(100, description="Edges that are started, at most.")
    gates: Gates = Gates()

    @field_validator("edges")
    @classmethod
    def _legal(cls, edges: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(ID_PATTERN, edge) for edge in edges) or len(set(edges)) != len(edges):
            raise ValueError("edges are ids of a-z, 0-9 and '-', each once")
        return edges

    @field_validator("waves")
    @classmethod
    def _rising(cls, waves: tuple[float, ...]) -> tuple[float, ...]:
        if list(waves) != sorted(waves) or not all(0 < share <= 1 for share in waves) or waves[-1] != 1:
            raise ValueError("waves are rising shares of all edges, above 0; the last is 1")
        return waves


class RolloutState(StrEnum):
    """Where a rollout stands."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    ROLLED_BACK = "rolled-back"
    ABORTED = "aborted"

    @property
    def ended(self) -> bool:
        return self not in (RolloutState.RUNNING, RolloutState.PAUSED)


class Member(_Value):
    """An edge in a rollout. epoch 0: not told yet. verdict: its last word on the model. returned: told to go back."""

    wave: int
    baseline: Target
    epoch: int = 0
    started_ns: int = 0
    verdict: Reported | None = None
    returned: bool = False


class Rollout(_Value):
    """A rollout at one moment."""

    id: str
    spec: RolloutSpec
    target: Target
    frame_id: str
    state: RolloutState = RolloutState.RUNNING
    reason: str = ""
    wave: int = 0
    created_ns: int
    ended_ns: int = 0
    members: dict[str, Member]

    @property
    def waves(self) -> int:
        return 1 + max(member.wave for member in self.members.values())

    def desired(self, edge: str) -> Desired | None:
        """What the edge shall run; None before it is told anything."""
        member = self.members[edge]
        if not member.epoch:
            return None
        target = member.baseline if member.returned else self.target
        proof = Trial(probation_s=0) if member.returned else self._trial(member.wave)
        return Desired(epoch=member.epoch, rollout=self.id, trial=proof, **target.model_dump())

    def _trial(self, wave: int) -> Trial:
        frames = self.spec.shadow_frames if wave == 0 else 0
        return Trial(shadow_frames=frames, probation_s=self.spec.probation_s, gates=self.spec.gates)


UNHEARD = Reported()


@dataclass(frozen=True, slots=True)
class EdgeView:
    """An edge as it is known now. since_ns: since when it is online or not."""

    online: bool = False
    since_ns: int = 0
    reported: Reported = UNHEARD


View = Callable[[str], EdgeView]


def assign_waves(edges: Sequence[str], spec: RolloutSpec) -> dict[str, int]:
    """The wave of each edge, in the order given: first the canaries, then up to each share of all."""
    total = len(edges)
    ends = [min(spec.canaries, max(1, int(CANARY_SHARE * total)))]
    ends += [math.ceil(share * total) for share in spec.waves]
    bounds = sorted({end for end in ends if end >= ends[0]})
    return {edge: next(wave for wave, end in enumerate(bounds) if index < end) for index, edge in enumerate(edges)}


def advance(rollout: Rollout, view: View, now_ns: int, epoch: int) -> Rollout:
    """The rollout a moment later; the same object where nothing changes.

    Args:
        epoch: One that no edge has seen; used if edges are told something.
    """
    if rollout.state.ended:
        return rollout
    rollout = _hear(rollout, view)
    if fault := _fault(rollout, view, now_ns):
        return send_back(rollout, RolloutState.ROLLED_BACK, fault, now_ns, epoch)
    if rollout.state is RolloutState.PAUSED:
        return rollout
    if _wave_is_done(rollout, view):
        if rollout.wave + 1 == rollout.waves:
            late = sum(1 for edge in rollout.members if not _settled(rollout, edge, view))
            reason = f"{late} edges are offline and will follow" if late else "every edge runs it"
            return rollout.model_copy(update={"state": RolloutState.DONE, "reason": reason, "ended_ns": now_ns})
        rollout = rollout.model_copy(update={"wave": rollout.wave + 1})
    return _start(rollout, now_ns, epoch)


def send_back(rollout: Rollout, state: RolloutState, reason: str, now_ns: int, epoch: int) -> Rollout:
    """End it: every edge that was told to run the model is told to run what it ran before; the others hear nothing.

    Raises:
        ConflictError: it has ended already.
    """
    if rollout.state.ended:
        raise ConflictError(f"rollout {rollout.id} is {rollout.state} already")
    back = {
        edge: member.model_copy(update={"epoch": epoch, "returned": True, "started_ns": now_ns}) if member.epoch else member
        for edge, member in rollout.members.items()
    }
    return rollout.model_copy(update={"state": state, "reason": reason, "ended_ns": now_ns, "members": back})


def word_of(rollout: Rollout, edge: str, view: View) -> Reported:
    """What the edge has said about the model of this rollout: its verdict, or how far it is."""
    member, reported = rollout.members[edge], view(edge).reported
    if member.verdict is not None:
        return member.verdict
    return reported if member.epoch and reported.epoch == member.epoch and not member.returned else UNHEARD


def state_of(rollout: Rollout, edge: str, view: View) -> EdgeState:
    """How far an edge is with what this rollout told it."""
    member, reported = rollout.members[edge], view(edge).reported
    return reported.state if member.epoch and reported.epoch == member.epoch else EdgeState.WAITING


def _hear(rollout: Rollout, view: View) -> Rollout:
    """Keep the verdicts: an edge that is sent back speaks of another model next."""
    heard = {}
    for edge, member in rollout.members.items():
        word = view(edge).reported
        news = member.verdict is None or member.verdict.state is not word.state
        if news and not member.returned and state_of(rollout, edge, view).final:
            heard[edge] = member.model_copy(update={"verdict": word})
    return rollout.model_copy(update={"members": {**rollout.members, **heard}}) if heard else rollout


def _start(rollout: Rollout, now_ns: int, epoch: int) -> Rollout:
    """Tell the edges of this wave, as many as the rate allows."""
    recent = sum(1 for member in rollout.members.values() if member.epoch and member.started_ns > now_ns - MINUTE_NS)
    due = [edge for edge, member in rollout.members.items() if member.wave <= rollout.wave and not member.epoch]
    told = due[: max(0, rollout.spec.per_minute - recent)]
    if not told:
        return rollout
    started: Mapping[str, object] = {"epoch": epoch, "started_ns": now_ns}
    members = {edge: rollout.members[edge].model_copy(update=started) for edge in told}
    return rollout.model_copy(update={"members": {**rollout.members, **members}})


def _settled(rollout: Rollout, edge: str, view: View) -> bool:
    return state_of(rollout, edge, view).final


def _wave_is_done(rollout: Rollout, view: View) -> bool:
    """Every edge so far has its verdict; after the canaries, those that are offline are not waited for."""
    so_far = [edge for edge, member in rollout.members.items() if member.wave <= rollout.wave]
    if not all(rollout.members[edge].epoch for edge in so_far):
        return False
    waited_for = [edge for edge in so_far if rollout.members[edge].wave == 0 or view(edge).online]
    return all(_settled(rollout, edge, view) for edge in waited_for)


def _fault(rollout: Rollout, view: View, now_ns: int) -> str:
    """Why the rollout has to be taken back; empty where it has not."""
    failed = {
        edge: why for edge, member in rollout.members.items() if member.epoch and (why := _why(rollout, edge, view, now_ns))
    }
    if not failed:
        return ""
    begun = sum(1 for member in rollout.members.values() if member.epoch)
    canaries = [edge for edge in failed if rollout.members[edge].wave == 0]
    if not canaries and len(failed) <= rollout.spec.failures * begun:
        return ""
    first = canaries[0] if canaries else next(iter(failed))
    more = f"; {len(failed) - 1} more" if len(failed) > 1 else ""
    return f"{'canary' if canaries else 'edge'} {first}: {failed[first]}{more}"


def _why(rollout: Rollout, edge: str, view: View, now_ns: int) -> str:
    """Why an edge has failed, or empty."""
    state, seen = state_of(rollout, edge, view), view(edge)
    if state in (EdgeState.FAILED, EdgeState.ROLLED_BACK):
        return f"{state} ({seen.reported.cause}): {seen.reported.reason}"
    waited_ns = now_ns - max(rollout.members[edge].started_ns, seen.since_ns)
    if seen.online and state is not EdgeState.ACTIVE and waited_ns > rollout.spec.wave_timeout_s * SECOND_NS:
        return f"not done after {rollout.spec.wave_timeout_s:g} s: {state}"
    return ""
