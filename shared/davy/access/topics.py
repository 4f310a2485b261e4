"""The MQTT topics that each role may read and write. What stands here nowhere is denied to everybody.

A rule is a topic filter below davy/v1/SITE; {own} stands for the principal's own name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from davy.access.roles import Role
from davy.domain.topics import (
    AGGREGATOR,
    ALL_BELOW,
    ANY,
    CONFIG,
    HOME_ASSISTANT_STATUS,
    MODEL,
    HomeAssistantTopics,
    Leaf,
    Twin,
    alarm_leaf,
    camera_leaf,
)


@dataclass(frozen=True, slots=True)
class TopicRules:
    """Filters of what a role may read and write.

    Attributes:
        reads: Each reader gets every message.
        writes: Retained or not.
        reads_outside: Filters outside of davy/v1/SITE; {site} stands for the site.
        writes_outside: As above.
        shares: Each message goes to one member of the group POOL_GROUP. Nobody else may join it, nor make another group: a
            broker gives a stranger in a group its part of the messages, or drops that part.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    reads_outside: tuple[str, ...] = ()
    writes_outside: tuple[str, ...] = ()


OWN, SITE = "{own}", "{site}"
_DEVICES = HomeAssistantTopics(SITE).discovery
_EVENTS = (Leaf.EVENT, Leaf.EVENT_JSON)
_EDGE_STATES = (
    Leaf.STATUS,
    Leaf.INFO,
    Leaf.STATS,
    *_EVENTS,
    Twin.REPORTED.leaf(MODEL),
    Twin.REPORTED.leaf(CONFIG),
)
_ALARMS = (Leaf.ALARMS, Leaf.ESCALATION, alarm_leaf())
_STATUS, _FRAME, _META, _RAW = (camera_leaf(each) for each in (Leaf.STATUS, Leaf.FRAME, Leaf.META, Leaf.RAW))


def _below(names: str, *leaves: str) -> tuple[str, ...]:
    """Filters of some leaves of an edge; ANY stands for every edge."""
    return tuple(f"{names}/{leaf}" for leaf in leaves)


MQTT: Final[Mapping[Role, TopicRules]] = {
    # An edge speaks for itself alone: a stolen one can neither impersonate another nor order anything.
    Role.EDGE: TopicRules(
        reads=_below(OWN, Twin.DESIRED.leaf(ALL_BELOW)),
        writes=_below(OWN, *_EDGE_STATES, _STATUS, _FRAME, _META, _RAW),
    ),
    # Only the aggregator gives orders. The detector of its analysis is one more device that reports.
    Role.AGGREGATOR: TopicRules(
        reads=(ALL_BELOW,),
        writes=_below(ANY, Twin.DESIRED.leaf(ALL_BELOW))
        + _below(AGGREGATOR, Leaf.STATUS, Leaf.INFO, *_EVENTS, *_ALARMS, Twin.REPORTED.leaf(MODEL)),
        reads_outside=(HOME_ASSISTANT_STATUS,),
        writes_outside=(_DEVICES,),
    ),
    # An enhancer reads raw frames, writes enhanced ones, and follows its own desired model.
    Role.ENHANCER: TopicRules(
        reads=_below(OWN, Twin.DESIRED.leaf(MODEL), Leaf.STATUS),
        writes=_below(ANY, _FRAME, _META) + _below(OWN, Leaf.STATUS, Leaf.INFO, Twin.REPORTED.leaf(MODEL)),
        shares=_below(ANY, _RAW),
    ),
    # A viewer reads neither raw frames, which a shared subscription would take from the pool, nor desired states, which hold
    # the cameras' passwords.
    # Home Assistant is a viewer: it reads its devices, and says when it is there.
    Role.VIEWER: TopicRules(
        reads=_below(ANY, *_EDGE_STATES, _STATUS, _FRAME, _META) + _below(AGGREGATOR, *_ALARMS),
        reads_outside=(_DEVICES,),
        writes_outside=(HOME_ASSISTANT_STATUS,),
    ),
}
