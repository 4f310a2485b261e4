"""The MQTT topics that each role may read and write. What stands here nowhere is denied to everybody.

A rule is a topic filter below davy/v1/SITE; {own} stands for the principal's own name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from davy.access.roles import Role


@dataclass(frozen=True, slots=True)
class TopicRules:
    """Filters of what a role may read and write."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


_STATES = ("status", "info", "stats", "event", "reported/model", "reported/config")

MQTT: Final[Mapping[Role, TopicRules]] = {
    # An edge speaks for itself alone: a stolen one can neither impersonate another nor order anything.
    Role.EDGE: TopicRules(
        reads=("{own}/desired/#",),
        writes=tuple(f"{{own}}/{leaf}" for leaf in (*_STATES, "cam/+/status", "cam/+/frame", "cam/+/meta", "cam/+/raw")),
    ),
    # Only the aggregator gives orders.
    Role.AGGREGATOR: TopicRules(
        reads=("#",), writes=("+/desired/#", *(f"aggregator/{leaf}" for leaf in ("status", "info", "event")))
    ),
    # An enhancer reads raw frames, writes enhanced ones, and follows its own desired model.
    Role.ENHANCER: TopicRules(
        reads=("+/cam/+/raw", "{own}/desired/model", "{own}/status"),
        writes=("+/cam/+/frame", "+/cam/+/meta", "{own}/status", "{own}/info", "{own}/reported/model"),
    ),
    # A viewer reads neither raw frames, which a shared subscription would take from the pool, nor desired states, which hold
    # the cameras' passwords.
    Role.VIEWER: TopicRules(reads=tuple(f"+/{leaf}" for leaf in (*_STATES, "cam/+/status", "cam/+/frame", "cam/+/meta"))),
}
