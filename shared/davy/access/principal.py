"""Principals: the people, programs and machines that act on Davy."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Self

from davy.access.roles import PERMISSIONS_OF, Permission, Role
from davy.domain.errors import PermissionDeniedError, UnauthenticatedError


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts.

    Attributes:
        name: A person's user name, a token's name, or a machine's name in its certificate.
        role: None for the owner of an open service, who may do everything.
        via: "session", "token", "link", "certificate", "proxy", "open" or "process".
        edge: The edge that a machine of role edge speaks for; empty for any other principal.
        address: Network address of the request; empty outside of one.
    """

    name: str
    role: Role | None
    via: str
    edge: str = ""
    address: str = ""

    @property
    def caller(self) -> str:
        """Name and address: budgets count by it, as in an open service everybody has one name."""
        return f"{self.name}@{self.address}"

    def at(self, address: str) -> Self:
        """This principal, at a network address."""
        return replace(self, address=address)

    def may(self, permission: Permission) -> bool:
        """Return whether this principal holds a permission."""
        return self.role is None or permission in PERMISSIONS_OF[self.role]

    def require(self, permission: Permission | None, operation: str) -> None:
        """Raise PermissionDeniedError unless this principal holds the permission; nobody holds None."""
        if permission is None or not self.may(permission):
            needs = f"which needs the permission {permission}" if permission else "which nobody may"
            raise PermissionDeniedError(str(self), f"{operation}, {needs}: ask an administrator of this site")

    def require_edge(self, edge: str) -> None:
        """Raise PermissionDeniedError if this principal is an edge other than this one."""
        if self.role is Role.EDGE and self.edge != edge:
            raise PermissionDeniedError(str(self), f"speak for edge {edge}")

    def __str__(self) -> str:
        return f"{self.name!r} ({self.role or self.via})"


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


def become(principal: Principal) -> None:
    """Serve a request of this principal for the rest of this task."""
    _acting.set(principal)


def check(principal: Principal | None, permission: Permission | None, operation: str) -> Principal:
    """Return the principal if it may carry out an operation.

    Args:
        principal: None for a caller without an identity.
        permission: None for an operation that no table names: it is denied.
        operation: As the table writes it.

    Raises:
        UnauthenticatedError: The operation needs an identity, and the caller has none.
        PermissionDeniedError: The caller's role does not hold the permission.
    """
    if permission is Permission.PUBLIC:
        return principal or ANONYMOUS
    if principal is None:
        raise UnauthenticatedError(operation)
    principal.require(permission, operation)
    return principal
