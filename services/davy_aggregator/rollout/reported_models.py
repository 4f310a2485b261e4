"""What the edges say about their models, the newest word of each."""

from davy.domain.errors import InvalidInputError
from davy.domain.ports import Message
from davy.domain.topics import Topic
from davy.twin.model import Reported
from davy_aggregator.presence import MAX_EDGES, PresenceTracker
from davy_aggregator.rollout.plan import UNHEARD, EdgeView


class Fleet:
    """Reported state by edge, bounded; who is online is the roster's to know."""

    def __init__(self, site: str, roster: PresenceTracker) -> None:
        self._site, self._roster = site, roster
        self.reported: dict[str, Reported] = {}

    def apply(self, message: Message) -> bool:
        """Take a reported/model message; returns whether it says anything new.

        Raises:
            InvalidInputError: it is none, or too many edges are known already.
        """
        topic = Topic.parse(message.topic)
        if topic.site != self._site or topic.leaf != "reported/model":
            raise InvalidInputError(f"{message.topic}: not a reported model of site {self._site}")
        if topic.edge not in self.reported and len(self.reported) >= MAX_EDGES:
            raise InvalidInputError(f"{message.topic}: {MAX_EDGES} edges are known already")
        said = Reported.parse(message.payload)
        before, self.reported[topic.edge] = self.reported.get(topic.edge), said
        return before is None or said.model_dump(exclude={"at_ns"}) != before.model_dump(exclude={"at_ns"})

    def view(self, edge: str) -> EdgeView:
        state = self._roster.edge(edge)
        return EdgeView(state.online is True, state.since_ns, self.reported.get(edge, UNHEARD))

    @property
    def newest_epoch(self) -> int:
        """The highest epoch that any edge has seen: an aggregator that lost its memory goes on above it."""
        return max((said.epoch for said in self.reported.values()), default=0)

    @property
    def running(self) -> set[str]:
        """The models that edges emit now."""
        return {said.model for said in self.reported.values() if said.model}
