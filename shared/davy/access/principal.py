"""Principals: the people, programs and machines that act on Davy."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from davy.access.roles import PERMISSIONS_OF, Permission, Role
from davy.domain.errors import ForbiddenError, OtherEdgeError, UnauthenticatedError


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts.

    Attributes:
        name: A person's user name, a token's name, or a machine's name in its certificate.
        role: None for the owner of an open service, who may do everything.
        via: "session", "token", "certificate", "open" or "process".
        edge: The edge that a machine of role edge speaks for; empty for any other principal.
    """

    name: str
    role: Role | None
    via: str
    edge: str = ""

    def may(self, permission: Permission) -> bool:
        """Return whether this principal holds a permission."""
        return self.role is None or permission in PERMISSIONS_OF[self.role]

    def require(self, permission: Permission, operation: str = "") -> None:
        """Raise ForbiddenError unless this principal holds the permission."""
        if not self.may(permission):
            raise ForbiddenError(self.name, str(self.role), str(permission), operation)

    def require_edge(self, edge: str) -> None:
        """Raise OtherEdgeError if this principal is an edge other than this one."""
        if self.role is Role.EDGE and self.edge != edge:
            raise OtherEdgeError(self.name, edge)


OWNER = Principal("owner", None, "open")
"""The principal of every caller of a service that listens on loopback in open mode."""

ANONYMOUS = Principal("anonymous", Role.ANONYMOUS, "none")
_PROCESS = Principal("process", None, "process")
_acting: ContextVar[Principal] = ContextVar("davy_principal", default=_PROCESS)


def acting() -> Principal:
    """The principal of the request that this task serves; the process itself outside of any."""
    return _acting.get()


@contextmanager
def act_as(principal: Principal) -> Iterator[None]:
    """Serve a request of this principal."""
    token = _acting.set(principal)
    try:
        yield
    finally:
        _acting.reset(token)


def check(principal: Principal | None, permission: Permission | None, operation: str) -> Principal:
    """Return the principal if it may carry out an operation.

    Args:
        principal: None for a caller without an identity.
        permission: None for an operation that no table names: it is denied.
        operation: As the table writes it.

    Raises:
        UnauthenticatedError: The operation needs an identity, and the caller has none.
        ForbiddenError: The caller's role does not hold the permission.
    """
    if permission is Permission.PUBLIC:
        return principal or ANONYMOUS
    if principal is None:
        raise UnauthenticatedError(operation)
    if permission is None:
        raise ForbiddenError(principal.name, str(principal.role), "none", operation)
    principal.require(permission, operation)
    return principal
