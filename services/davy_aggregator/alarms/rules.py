"""The rules of alarms in force: those of the site's file, or what an engineer decided since."""

import asyncio
import time

from pydantic import ValidationError

from davy.access.journal import note_change
from davy.adapters.storage.alarm_store import AlarmStore
from davy.domain.alarm_record import RulesChange
from davy.domain.alarm_rules import AlarmRule
from davy.domain.alarm_targets import AlarmRules, AlarmsConfig
from davy.domain.alarms import AlarmPoint
from davy.domain.errors import ChangedMeanwhileError, InvalidInputError
from davy.domain.validation import first_error
from davy.telemetry import get_logger

log = get_logger(__name__)

KEPT = 100  # changes that the history shows


class RuleBook:
    """Rules, steps of escalation and their history.

    Args:
        config: `alarms:` of the site's file; its targets cannot be changed from afar.
        store: Keeps the changes.

    Raises:
        ArchiveUnavailableError: The store fails.
    """

    def __init__(self, config: AlarmsConfig, store: AlarmStore) -> None:
        self.config, self._store = config, store
        self.current, self.changed = AlarmRules.model_validate(config.model_dump(exclude={"targets"})), RulesChange(0, "", "")
        self._found: dict[AlarmPoint, AlarmRule] = {}
        self.reload()

    @property
    def id(self) -> str:
        """Names the rules in force: the number of the change, 0 for the site's file."""
        return str(self.changed.seq)

    def rule(self, point: AlarmPoint) -> AlarmRule:
        """Return the rule of an alarm."""
        if point not in self._found:
            self._found[point] = self.current.rule(point)
        return self._found[point]

    def reload(self) -> None:
        """Read the newest change; one that does not fit the site's file any more leaves the file's rules in force."""
        for change in self._store.rules():
            try:
                rules = AlarmRules.model_validate(change.body)
                self.config.check_targets(rules)
            except ValueError as error:
                log.warning("alarms.rules_ignored", change=change.seq, error=str(error)[:300])
                continue
            self.current, self.changed = rules, change
            self._found.clear()

    async def put(self, rules: AlarmRules, who: str, why: str, expected: str = "") -> None:
        """Decide the rules.

        Args:
            rules: All of them.
            who: Authenticated name.
            why: Reason.
            expected: Id of the rules that this change is based on; empty overwrites any.

        Raises:
            ChangedMeanwhileError: Other rules are in force.
            InvalidInputError: A step of escalation names an unknown target.
            ArchiveUnavailableError: Nothing is stored.
        """
        if expected and expected != self.id:
            raise ChangedMeanwhileError("the number of the alarm rules", expected, self.id)
        try:
            self.config.check_targets(rules)
        except ValidationError as error:
            raise InvalidInputError(first_error(error)) from error
        except ValueError as error:
            raise InvalidInputError(str(error)) from error
        before, body = self.current, rules.model_dump(mode="json", exclude_none=True)
        self.changed = await asyncio.to_thread(self._store.add_rules, RulesChange(time.time_ns(), who, why, body))
        self.current = rules
        self._found.clear()
        note_change(before.model_dump(mode="json", exclude_none=True), body)
        log.info("alarms.rules_changed", who=who, why=why, change=self.changed.seq)

    async def history(self) -> list[RulesChange]:
        """The newest changes, newest first."""
        return await asyncio.to_thread(self._store.rules, KEPT)
