"""Reference of permissions: roles, and every REST route, gRPC method and MQTT topic with what it needs."""

from collections.abc import Mapping

from docs_markdown import code, page, table

from davy.access.permissions import GRPC, REST
from davy.access.roles import PERMISSIONS_OF, Permission, Role
from davy.access.topics import MQTT
from davy.domain.topics import POOL_GROUP

INTRO = """
A closed service asks one table before it does anything; what the table does not name is denied. `public` needs no identity.
People have the roles viewer, operator, engineer or admin; the other roles are for machines.
"""


def permissions_page() -> str:
    """The page with every role and every operation."""
    rest = [_operations(f"REST: {service}", "route", operations) for service, operations in REST.items()]
    return page("Permissions", INTRO, "## Roles\n", _roles(), *rest, _operations("gRPC", "method", GRPC), _topics())


def _roles() -> str:
    roles = [role for role in Role if role is not Role.ANONYMOUS]
    rows = [
        [code(permission), *("x" if permission in PERMISSIONS_OF[role] else "" for role in roles)] for permission in Permission
    ]
    return table(["permission", *map(str, roles)], rows)


def _operations(title: str, kind: str, operations: Mapping[str, Permission]) -> str:
    rows = [[code(name), str(permission), _holders(permission)] for name, permission in operations.items()]
    return f"## {title}\n\n" + table([kind, "permission", "roles"], rows)


def _holders(permission: Permission) -> str:
    holders = [str(role) for role in Role if permission in PERMISSIONS_OF[role]]
    return "everybody" if Role.ANONYMOUS in holders else ", ".join(holders)


def _topics() -> str:
    intro = "## MQTT\n\nFilters below `davy/v1/SITE`, or from `homeassistant` on; `{own}` is the user's own name."
    intro += " Other roles have no user there.\n\n"
    intro += f"What a role shares, it reads by turns in the group `{POOL_GROUP}`. No other shared subscription is allowed.\n\n"
    rows = [
        [
            str(role),
            _filters(rules.reads, rules.reads_outside),
            _filters(rules.shares),
            _filters(rules.writes, rules.writes_outside),
        ]
        for role, rules in MQTT.items()
    ]
    return intro + table(["role", "reads", "shares", "writes"], rows)


def _filters(filters: tuple[str, ...], outside: tuple[str, ...] = ()) -> str:
    return ", ".join(code(each) for each in (*filters, *outside)) or "nothing"
