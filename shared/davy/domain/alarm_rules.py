"""Rules of alarms: how urgent a condition is, when it becomes an alarm, and what an operator does about it."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from davy.domain.severity import Severity, SeverityName

MAX_DELAY_S = 86_400.0

Delay = Annotated[float, Field(ge=0, le=MAX_DELAY_S, allow_inf_nan=False)]
Sentence = Annotated[str, Field(max_length=400)]


class AlarmRule(BaseModel):
    """The rule of one kind of alarm, after ISA-18.2 and IEC 62682.

    `latching` keeps an alarm active until somebody acknowledges it, also after its condition has ended. `momentary` marks a
    condition without an end, such as a model that was rolled back.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: SeverityName = Field("alarm", description="info, warning or alarm.")
    enabled: bool = Field(True, description="false takes alarms of this kind out of service.")
    on_delay_s: Delay = Field(0.0, description="Seconds that the condition lasts before the alarm is raised.")
    off_delay_s: Delay = Field(2.0, description="Seconds that the condition is over before the alarm returns to normal.")
    latching: bool = Field(False, description="Stay active until acknowledged, even after the condition has ended.")
    momentary: bool = Field(False, description="The condition has no end: the alarm ends by its acknowledgement.")
    needs_acknowledgement: bool = Field(True, description="false: an alarm whose condition has ended disappears by itself.")
    chatter_count: int = Field(3, ge=2, le=100, description="Alarms within chatter_window_s that count as chatter.")
    chatter_window_s: Delay = Field(
        60.0, description="A chattering alarm stays raised until its condition was over for this time."
    )
    records_event: bool = Field(True, description="Store begin and end as events, with the picture.")
    title: Sentence = Field("", description="Name of the alarm for people.")
    consequence: Sentence = Field("", description="What happens if nobody acts.")
    response: Sentence = Field("", description="What the operator does.")

    @property
    def level(self) -> Severity:
        """The severity as a number."""
        return Severity.named(self.severity)


class RuleChange(BaseModel):
    """Values of a rule that a site sets; absent ones keep their default. See `AlarmRule`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    severity: SeverityName | None = Field(None, description="info, warning or alarm.")
    enabled: bool | None = Field(None, description="false takes alarms of this kind out of service.")
    on_delay_s: Delay | None = Field(None, description="Seconds that the condition lasts before the alarm is raised.")
    off_delay_s: Delay | None = Field(
        None, description="Seconds that the condition is over before the alarm returns to normal."
    )
    latching: bool | None = Field(None, description="Stay active until acknowledged, even after the condition has ended.")
    needs_acknowledgement: bool | None = Field(
        None, description="false: an alarm whose condition has ended disappears by itself."
    )
    chatter_count: int | None = Field(None, ge=2, le=100, description="Alarms within chatter_window_s that count as chatter.")
    chatter_window_s: Delay | None = Field(
        None, description="A chattering alarm stays raised until its condition was over for this time."
    )
    title: Sentence | None = Field(None, description="Name of the alarm for people.")
    consequence: Sentence | None = Field(None, description="What happens if nobody acts.")
    response: Sentence | None = Field(None, description="What the operator does.")

    def applied_to(self, rule: AlarmRule) -> AlarmRule:
        """Return a rule with these values in place of its own."""
        return rule.model_copy(update=self.model_dump(exclude_none=True))


OTHER: Final = AlarmRule(
    momentary=True,
    consequence="Unknown: the event describes the condition.",
    response="Read the message, and look at the camera.",
)
"""The rule of a kind that no table names."""

DEFAULT_RULES: Final[Mapping[str, AlarmRule]] = {
    "edge-offline": AlarmRule(
        on_delay_s=3,
        title="Edge offline",
        consequence="All cameras of the edge send no pictures.",
        response="Check the power and the network of the edge. Inform the electrician underground.",
    ),
    "enhancer-offline": AlarmRule(
        on_delay_s=3,
        title="Enhancer offline",
        consequence="The pool enhances with one less; cameras without edge compute may lose frames.",
        response="Restart the enhancer.",
    ),
    "camera-offline": AlarmRule(
        on_delay_s=5,
        off_delay_s=5,
        records_event=False,  # its edge records them
        title="Camera offline",
        consequence="Nobody sees this place.",
        response="Check the power and the cable of the camera. Ask somebody on site about the place.",
    ),
    "camera-stale": AlarmRule(
        severity="warning",
        on_delay_s=10,
        off_delay_s=5,
        records_event=False,
        needs_acknowledgement=False,
        title="Picture stale",
        consequence="The picture shows the past.",
        response="Do not rely on the picture. Check the network if the state lasts.",
    ),
    "lens-blocked": AlarmRule(
        on_delay_s=2,
        off_delay_s=10,
        title="Lens blocked",
        consequence="Nobody sees this place.",
        response="Send somebody to look at the camera and to clean it.",
    ),
    "lens-dirty": AlarmRule(
        severity="warning",
        on_delay_s=60,
        off_delay_s=60,
        needs_acknowledgement=False,
        title="Lens dirty",
        consequence="Details are lost; people are found later.",
        response="Have the lens cleaned in this shift.",
    ),
    "dark": AlarmRule(
        on_delay_s=10,
        off_delay_s=10,
        title="Place dark",
        consequence="The picture holds nothing that enhancement can show.",
        response="Check the lighting of the place.",
    ),
    "illumination-change": AlarmRule(
        severity="warning",
        on_delay_s=30,
        off_delay_s=30,
        needs_acknowledgement=False,
        title="Light changed",
        consequence="A lamp may have failed or moved.",
        response="Compare the picture with an earlier one.",
    ),
    "person-in-zone": AlarmRule(
        latching=True,
        title="Person in a forbidden place",
        consequence="A person may be hurt by a machine.",
        response="Stop the machine of the zone. Call the person out.",
    ),
    "person-on-belt": AlarmRule(
        latching=True,
        off_delay_s=5,
        title="Person on a running belt",
        consequence="A person may be carried into the transfer point.",
        response="Stop the belt. Call the person off.",
    ),
    "loitering": AlarmRule(
        off_delay_s=5,
        title="Person stays too long",
        consequence="A person may be hurt or ill.",
        response="Call the person. Send somebody if nobody answers.",
    ),
    "crowd": AlarmRule(
        off_delay_s=5,
        title="Too many people",
        consequence="The way out is too narrow for everybody.",
        response="Call the shift foreman.",
    ),
    "nobody-there": AlarmRule(
        off_delay_s=5,
        title="Nobody at a post",
        consequence="Nobody watches the machine of this post.",
        response="Call the person who has to be there.",
    ),
    "line-crossed": AlarmRule(
        momentary=True,
        title="Line crossed",
        consequence="A person enters a place that is closed.",
        response="Look at the camera. Call the person back.",
    ),
    "object-left": AlarmRule(
        off_delay_s=5,
        title="Object left behind",
        consequence="The object may block the way or the belt.",
        response="Send somebody to remove it.",
    ),
    "helmet-missing": AlarmRule(
        off_delay_s=5,
        title="Helmet missing",
        consequence="A falling stone may kill.",
        response="Call the person.",
    ),
    "smoke": AlarmRule(
        off_delay_s=5,
        title="Smoke or dust",
        consequence="A fire, or dust that may explode.",
        response="Look at the camera and at the gas readings. Follow the fire plan.",
    ),
    "belt-stopped": AlarmRule(
        severity="warning",
        off_delay_s=5,
        title="Belt stopped",
        consequence="Coal piles up at the transfer point.",
        response="Call the belt attendant.",
    ),
    "belt-empty": AlarmRule(
        severity="warning",
        off_delay_s=5,
        title="Belt runs empty",
        consequence="The belt wears without use.",
        response="Ask the face whether cutting goes on.",
    ),
    "drift": AlarmRule(
        severity="warning",
        records_event=False,  # its edge records them
        on_delay_s=60,
        off_delay_s=60,
        needs_acknowledgement=False,
        title="Light drifted from the model",
        consequence="The enhanced picture becomes worse.",
        response="Tell the engineer: the model needs training.",
    ),
    "model-rolled-back": AlarmRule(
        momentary=True,
        title="Model rolled back on an edge",
        consequence="The edge runs its previous model.",
        response="Tell the engineer who rolled the model out.",
    ),
    "enhancer-model-rolled-back": AlarmRule(
        momentary=True,
        title="Model rolled back on an enhancer",
        consequence="The enhancer runs its previous model.",
        response="Tell the engineer who rolled the model out.",
    ),
    "detector-rolled-back": AlarmRule(
        severity="warning",
        momentary=True,
        title="Detector rolled back",
        consequence="The analysis looks for people with its previous detector.",
        response="Read the reason on the page of the models. Tell the engineer.",
    ),
    "rollout-rolled-back": AlarmRule(
        momentary=True,
        title="Rollout rolled back",
        consequence="All edges run the previous model.",
        response="Tell the engineer who started the rollout.",
    ),
    "spool-full": AlarmRule(
        momentary=True,
        title="Disk of an edge full",
        consequence="Events of this edge are lost.",
        response="Tell the engineer: free space on the edge's disk.",
    ),
    "disk-low": AlarmRule(
        on_delay_s=10,
        off_delay_s=60,
        title="Disk of the aggregator nearly full",
        consequence="Events, alarms and samples cannot be stored any more.",
        response="Free space on the disk of the aggregator, or lower its limits.",
    ),
    "certificate-expiring": AlarmRule(
        severity="warning",
        momentary=True,
        title="Certificate expires soon",
        consequence="Connections are refused after its end.",
        response="Tell the engineer: renew it with davy identity rotate.",
    ),
    "certificate-expired": AlarmRule(
        momentary=True,
        title="Certificate expired",
        consequence="Connections are refused.",
        response="Renew it with davy identity rotate.",
    ),
    "clock-skew": AlarmRule(
        severity="warning",
        records_event=False,  # the watch of clocks records them
        on_delay_s=10,
        off_delay_s=10,
        needs_acknowledgement=False,
        title="Clock of an edge wrong",
        consequence="Times of its events are wrong.",
        response="Synchronise the clock of the edge (NTP).",
    ),
    "service-degraded": AlarmRule(
        on_delay_s=15,
        off_delay_s=5,
        title="Part of the system fails",
        consequence="The message names the part and what it means.",
        response="Tell the engineer; start the named service.",
    ),
}
"""Rules by kind, sensible for a mine; a site's file and its engineers change them."""


def find_rule(
    kind: str, source: str, alarm_id: str, changes: Mapping[str, RuleChange], rules: Mapping[str, AlarmRule] = DEFAULT_RULES
) -> AlarmRule:
    """Return the rule of an alarm.

    Args:
        kind: Kind of the alarm, such as "lens-blocked".
        source: Its source, such as "north.face".
        alarm_id: Its id.
        changes: Values of the site, by kind, "kind:source" or alarm id; the more specific ones win.
        rules: Rules by kind.
    """
    rule = rules.get(kind, OTHER)
    for key in dict.fromkeys((kind, f"{kind}:{source}", alarm_id)):
        if key in changes:
            rule = changes[key].applied_to(rule)
    return rule
