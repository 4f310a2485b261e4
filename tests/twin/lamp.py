"""A third payload: the brightness of an edge's lamp, in per cent. Desired and reported state in one file, both ends."""

from collections.abc import Mapping

from pydantic import Field

from davy.domain.errors import InvalidInputError
from davy.twin.payload import Lifecycle
from davy.twin.protocol import Desired, Pointer, Reported
from davy.twin.reconciler import Reconciler


class DesiredLamp(Desired):
    percent: int

    @property
    def target(self) -> str:
        return str(self.percent)


class ReportedLamp(Reported):
    state: str = "waiting"
    percent: int = 0


class LampPointer(Pointer):
    state: str = "waiting"
    active: int = Field(0, alias="percent")
    previous: int = 0


class Lamp(Reconciler[DesiredLamp, LampPointer, int]):
    name, initial, desired_type, reported_type = "lamp", 0, DesiredLamp, ReportedLamp
    lifecycle = Lifecycle("trying", "on", "refused", "reverted")

    def load(self, active: int) -> int:
        return active

    async def prepare(self, desired: DesiredLamp) -> int:
        if not 0 <= desired.percent <= 100:
            raise InvalidInputError(f"percent: {desired.percent} is not in 0 to 100")
        return desired.percent

    async def apply(self, loaded: int, desired: DesiredLamp | None) -> None:
        if loaded == 99:
            raise RuntimeError("the fuse has blown")

    def pointer_fields(self, desired: DesiredLamp | None, loaded: int) -> Mapping[str, object]:
        return {"active": loaded}

    def facts(self) -> Mapping[str, object]:
        return {"percent": self.running}


class LampDecisions:
    """In memory alone."""

    kind = "lamp"

    def __init__(self) -> None:
        self.desired: dict[str, DesiredLamp] = {}

    def reload(self) -> list[str]:
        return []

    async def renumber(self, edge: str, epoch: int) -> None:
        self.desired[edge] = self.desired[edge].model_copy(update={"epoch": epoch})
