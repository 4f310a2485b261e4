"""The reported models of the edges."""

from collections.abc import Mapping

from davy.twin.model import ReportedModel
from davy_aggregator.presence import PresenceTracker
from davy_aggregator.rollout.rollout import NO_REPORT, EdgeView


class ReportedModels:
    """The newest report of each edge, with its presence."""

    def __init__(self, reported: Mapping[str, ReportedModel], presence: PresenceTracker) -> None:
        self.reported, self._presence = reported, presence

    def view(self, edge: str) -> EdgeView:
        state = self._presence.edge(edge)
        return EdgeView(state.online is True, state.since_ns, self.reported.get(edge, NO_REPORT))

    @property
    def running(self) -> set[str]:
        """Return the ids of the running models."""
        return {report.model for report in self.reported.values() if report.model}
