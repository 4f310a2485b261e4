"""The principals of machines, by the name in their certificate."""

from davy.access.principal import Principal
from davy.access.roles import Role
from davy.domain.errors import InvalidInputError
from davy.identity.name import Identity, Kind

ROLES = {
    Kind.EDGE: Role.EDGE,
    Kind.ENHANCER: Role.ENHANCER,
    Kind.TRAINER: Role.TRAINER,
    Kind.COMPANY: Role.COMPANY,
    Kind.ANALYSER: Role.ANALYSER,
    Kind.AGGREGATOR: Role.AGGREGATOR,
}


def machine(uri: str, site: str) -> Principal | None:
    """Return the principal of an identity's URI; None if it is of another site, or its kind calls nobody."""
    try:
        identity = Identity.parse(uri)
    except InvalidInputError:
        return None
    if identity.site != site or identity.kind not in ROLES:
        return None
    role = ROLES[identity.kind]
    return Principal(identity.name, role, "certificate", identity.name if role is Role.EDGE else "")
