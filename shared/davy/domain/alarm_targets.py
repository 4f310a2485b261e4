"""Where unanswered alarms are sent, and when: `alarms:` of a site's file."""

import base64
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from davy.domain.alarm_rules import AlarmRule, RuleChange, find_rule
from davy.domain.alarms import POINT_PATTERN, AlarmPoint
from davy.domain.camera import ID_PATTERN
from davy.domain.secret_url import SecretUrl
from davy.domain.severity import Severity, SeverityName

HOUR_S = 3600.0
SECRET_PREFIX = "whsec_"
RULE_PATTERN = rf"^({ID_PATTERN}|{POINT_PATTERN})$"

Id = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
RuleKey = Annotated[str, Field(pattern=RULE_PATTERN)]


def _scheme(*schemes: str) -> AfterValidator:
    def check(value: SecretUrl) -> SecretUrl:
        if value.scheme not in schemes:
            raise ValueError(f"an address here starts with {' or '.join(f'{each}://' for each in schemes)}")
        return value

    return AfterValidator(check)


class _Target(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    every_s: float = Field(
        30.0, ge=0, le=HOUR_S, description="Minimum seconds between two messages; alarms between them are sent together."
    )


class Webhook(_Target):
    """An HTTP endpoint that takes JSON."""

    kind: Literal["webhook"] = "webhook"
    url: Annotated[SecretUrl, _scheme("http", "https")] = Field(description="https://USER:PASSWORD@HOST/PATH.")
    token: SecretStr = Field(SecretStr(""), description="Sent as a bearer token, if any.")
    secret: SecretStr = Field(
        SecretStr(""),
        description="Signs each message, by Standard Webhooks: whsec_ and 24 to 64 bytes in base64; empty: no signature.",
    )

    @field_validator("secret")
    @classmethod
    def _check_secret(cls, secret: SecretStr) -> SecretStr:
        prefix, mark, key = secret.get_secret_value().partition("_")
        try:
            length = len(base64.b64decode(key, validate=True))
        except ValueError:
            length = 0
        if secret.get_secret_value() and not (prefix + mark == SECRET_PREFIX and 24 <= length <= 64):
            raise ValueError("whsec_ and 24 to 64 random bytes in base64 are expected: openssl rand -base64 32")
        return secret


class Email(_Target):
    """E-mail by SMTP."""

    kind: Literal["email"] = "email"
    smtp: Annotated[SecretUrl, _scheme("smtp", "smtps")] = Field(
        description="smtp://USER:PASSWORD@HOST:587 (STARTTLS if offered; required with a password) or smtps://… (TLS)."
    )
    sender: str = Field(max_length=254, pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$", description="Address in From.")
    to: tuple[Annotated[str, Field(max_length=254, pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$")], ...] = Field(
        min_length=1, max_length=50, description="Recipients."
    )


class Syslog(_Target):
    """A syslog server, RFC 5424 severity by the alarm's."""

    kind: Literal["syslog"] = "syslog"
    address: Annotated[SecretUrl, _scheme("udp", "tcp", "unix")] = Field(
        description="udp://HOST:514, tcp://… or unix:///dev/log."
    )


class Mqtt(_Target):
    """The site's broker: topic davy/v1/SITE/aggregator/escalation."""

    kind: Literal["mqtt"] = "mqtt"


TARGETS: Final[Mapping[str, type[_Target]]] = {"webhook": Webhook, "email": Email, "syslog": Syslog, "mqtt": Mqtt}
Target = Annotated[Webhook | Email | Syslog | Mqtt, Field(discriminator="kind")]


class Escalation(BaseModel):
    """One step: where alarms go that nobody has answered for a time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after_s: float = Field(120.0, ge=0, le=24 * HOUR_S, description="Seconds without an answer.")
    severity: SeverityName = Field("alarm", description="Minimum severity.")
    to: tuple[Id, ...] = Field(min_length=1, max_length=16, description="Names of targets.")

    @property
    def level(self) -> Severity:
        """The severity as a number."""
        return Severity.named(self.severity)


class AlarmRules(BaseModel):
    """What an engineer may change while the site runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: dict[RuleKey, RuleChange] = Field(
        default_factory=dict, max_length=1000, description="Changes of rules, by kind, kind:source or alarm id."
    )
    escalation: tuple[Escalation, ...] = Field((), max_length=16, description="Steps for unanswered alarms.")
    shelve_max_s: float = Field(8 * HOUR_S, gt=0, le=7 * 24 * HOUR_S, description="Longest time that an alarm is shelved.")

    def rule(self, point: AlarmPoint) -> AlarmRule:
        """The rule of an alarm."""
        return find_rule(point.kind, point.source, point.id, self.rules)


class AlarmsConfig(AlarmRules):
    """Alarms of a site. Targets stand in this file alone: nobody directs alarms elsewhere from afar."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    targets: dict[Id, Target] = Field(
        default_factory=dict, max_length=64, description="Receivers of unanswered alarms, by name."
    )

    @model_validator(mode="after")
    def _targets_are_known(self) -> "AlarmsConfig":
        self.check_targets(self)
        return self

    def check_targets(self, rules: AlarmRules) -> None:
        """Raise ValueError if a step of escalation names a target that this file lacks."""
        for name in (name for step in rules.escalation for name in step.to):
            if name not in self.targets:
                known = ", ".join(self.targets) or "none"
                raise ValueError(f"escalation: there is no target {name!r}; the site's file has: {known}")
