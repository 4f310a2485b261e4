"""People whom another system authenticates: an identity provider, or a proxy in front of Davy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from davy.access.roles import PEOPLE, Role
from davy.domain.errors import PermissionDeniedError

PROXY = "proxy"
"""Origin of people whom a trusted proxy names."""


def _of_people(role: Role) -> Role:
    if role not in PEOPLE:
        raise ValueError(f"a person is {', '.join(PEOPLE)}, not {role}")
    return role


PersonRole = Annotated[Role, AfterValidator(_of_people)]
RoleMap = Mapping[str, PersonRole]
"""The role of each group of the other system."""


@dataclass(frozen=True, slots=True)
class ExternalPerson:
    """A person, as the other system names them.

    Attributes:
        name: User name; it becomes the name at this site.
        role: None if no group has a role here.
        origin: URL of the issuer, or PROXY.
        subject: What identifies the person there for good; names may be given to others.
        groups: Groups and roles there.
    """

    name: str
    role: Role | None
    origin: str
    subject: str
    groups: tuple[str, ...] = ()

    def checked_role(self) -> Role:
        """Return the role here.

        Raises:
            PermissionDeniedError: None of the groups has one.
        """
        if self.role is None:
            held = ", ".join(self.groups[:20]) or "none"
            reason = f"no role of this site belongs to the groups of {self.name!r} there: {held}"
            raise PermissionDeniedError(f"{self.name!r} of {self.origin}", f"sign in: {reason}")
        return self.role


def role_of(groups: Iterable[str], roles: RoleMap, default: Role | None) -> Role | None:
    """Return the highest role that a group has; the default if none has one."""
    return max((roles[group] for group in groups if group in roles), key=PEOPLE.index, default=default)
