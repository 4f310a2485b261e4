"""The second person of a rollout: who may confirm it."""

import asyncio
from collections.abc import Awaitable, Callable

from davy.access.principal import Principal
from davy.access.roles import PERMISSIONS_OF, Permission
from davy.adapters.storage.access_store import AccessStore
from davy.domain.errors import PermissionDeniedError
from davy_aggregator.rollout.rollout import Rollout

SecondPerson = Callable[[Principal, Rollout], Awaitable[None]]
"""Raises PermissionDeniedError if a principal may not confirm a rollout."""


def second_person(store: AccessStore) -> SecondPerson:
    """Return the check that a principal is a person, and another one than who started the rollout.

    A person signs in. A token acts for a person if it has that user's name, so that `davy rollout confirm` works; every other
    token is a program's.

    Args:
        store: The users of the site.
    """

    async def check(principal: Principal, rollout: Rollout) -> None:
        if principal.name.casefold() == rollout.started_by.casefold():
            text = f"confirm rollout {rollout.id}, which {rollout.started_by!r} started: another engineer or administrator must"
            raise PermissionDeniedError(str(principal), text)
        if principal.via == "certificate" or (principal.via == "token" and not await _acts_for_user(store, principal)):
            text = f"confirm rollout {rollout.id}: a person must, signed in or by a token with the name of its user"
            raise PermissionDeniedError(str(principal), text)

    return check


async def _acts_for_user(store: AccessStore, principal: Principal) -> bool:
    user = await asyncio.to_thread(store.user, principal.name)
    return user is not None and not user.disabled and Permission.CONFIRM in PERMISSIONS_OF[user.role]
