"""Roles and the permissions that each holds."""

from enum import StrEnum


class Permission(StrEnum):
    """What an operation needs. An operation without one is denied to everybody."""

    PUBLIC = "public"  # needs no identity
    SIGNED_IN = "signed-in"  # any identity: about oneself
    METRICS = "metrics"
    VIEW = "view"  # pictures, events, states
    ENHANCE = "enhance"  # pictures that the caller sends
    ADJUST = "adjust"  # strength and dials of a camera, acknowledgements
    HOLD = "hold"  # pause or abort a rollout or a training run
    KEEP = "keep"  # clips, holds and exports of recordings
    CONFIGURE = "configure"  # sources of cameras and everything else of an edge's configuration
    ROLL_OUT = "roll-out"
    CONFIRM = "confirm"  # a rollout that another person started
    TRAIN = "train"
    CURATE = "curate"  # samples, models and their tags
    ADMINISTER = "administer"  # people, tokens, certificates, the journal
    ASK_IDENTITY = "ask-identity"  # a service asks the aggregator who holds a cookie or token
    PUSH = "push"  # frames, events and samples of one's own edge
    FETCH_MODEL = "fetch-model"
    READ_SAMPLES = "read-samples"
    PROPOSE_MODEL = "propose-model"
    REPORT_FINDINGS = "report-findings"  # of cameras that the aggregator assigns


class Role(StrEnum):
    """A principal has one role. The first four are for people and their programs, the others for machines."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    ADMIN = "admin"
    EDGE = "edge"
    ENHANCER = "enhancer"
    TRAINER = "trainer"
    ANALYSER = "analyser"
    AGGREGATOR = "aggregator"
    COMPANY = "company"
    MONITOR = "monitor"
    ANONYMOUS = "anonymous"  # a caller without an identity


PEOPLE = (Role.VIEWER, Role.OPERATOR, Role.ENGINEER, Role.ADMIN)
MACHINES = (Role.EDGE, Role.ENHANCER, Role.TRAINER, Role.ANALYSER, Role.AGGREGATOR, Role.COMPANY, Role.MONITOR)

_EVERYBODY = frozenset({Permission.PUBLIC, Permission.SIGNED_IN})
_VIEWER = _EVERYBODY | {Permission.VIEW, Permission.METRICS}
_OPERATOR = _VIEWER | {Permission.ENHANCE, Permission.ADJUST, Permission.HOLD, Permission.KEEP}
_ENGINEER = _OPERATOR | {
    Permission.CONFIGURE,
    Permission.ROLL_OUT,
    Permission.CONFIRM,
    Permission.TRAIN,
    Permission.CURATE,
    Permission.FETCH_MODEL,
    Permission.READ_SAMPLES,
    Permission.PROPOSE_MODEL,
}
_TRAINER = {Permission.VIEW, Permission.READ_SAMPLES, Permission.FETCH_MODEL, Permission.PROPOSE_MODEL}

PERMISSIONS_OF: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ENGINEER: _ENGINEER,
    Role.ADMIN: _ENGINEER | {Permission.ADMINISTER},
    Role.EDGE: _EVERYBODY | {Permission.PUSH, Permission.FETCH_MODEL},
    Role.ENHANCER: _EVERYBODY | {Permission.ASK_IDENTITY, Permission.FETCH_MODEL},
    Role.TRAINER: _EVERYBODY | _TRAINER | {Permission.ASK_IDENTITY},
    Role.ANALYSER: _EVERYBODY | {Permission.VIEW, Permission.REPORT_FINDINGS, Permission.FETCH_MODEL},
    Role.AGGREGATOR: _EVERYBODY,
    Role.COMPANY: _EVERYBODY | {Permission.VIEW, Permission.ASK_IDENTITY},
    Role.MONITOR: _EVERYBODY | {Permission.METRICS},
    Role.ANONYMOUS: frozenset({Permission.PUBLIC}),
}
