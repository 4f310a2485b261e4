"""Who may do what in a closed demo: a link for the browser, and tokens for the shell, the edges and the enhancer."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from davy.access.roles import Role
from davy.adapters.access.directory import Directory
from davy.adapters.storage.access_store import AccessStore
from davy.adapters.storage.opening import open_database
from davy.site import SiteConfig

ADMIN = "admin"
MADE_BY = "davy demo"


@dataclass(frozen=True, slots=True)
class Identities:
    """The secrets of one run.

    Attributes:
        link: Signs a browser in as the administrator, once, within 15 minutes.
        shell: Token of an engineer, for the commands of a person.
        enhancer: Token of the enhancer.
        edges: Tokens by edge.
    """

    link: str
    shell: str
    enhancer: str
    edges: Mapping[str, str]


def make_identities(data: Path, site: SiteConfig) -> Identities:
    """Add the administrator if there is none, and replace the tokens of earlier runs. Blocks.

    Args:
        data: Data folder of the aggregator, which does not run yet.
        site: The site.

    Raises:
        ArchiveUnavailableError: The database cannot be used.
    """
    database = open_database(data)
    try:
        directory = Directory(AccessStore(database), site.site, 0)
        for old in directory.tokens():
            if old.made_by == MADE_BY:
                directory.delete_token(old.id)
        if not any(user.name == ADMIN for user in directory.users()):
            directory.put_user(ADMIN, Role.ADMIN, secrets.token_urlsafe(24))  # nobody is told: the link signs in

        def token(name: str, role: Role, edge: str = "") -> str:
            return directory.add_token(name, role, edge, 0, MADE_BY)[1]

        edges = {edge: token(edge, Role.EDGE, edge) for edge in site.edges}
        shell, enhancer = token("shell", Role.ENGINEER), token("enhancer", Role.ENHANCER)
        return Identities(directory.new_link(ADMIN), shell, enhancer, edges)
    finally:
        database.close()


def write_shell_file(path: Path, token: str, broker: str) -> None:
    """Write what a shell needs for the commands of the manual; only its owner may read it.

    Args:
        path: File, for `. FILE`.
        token: Of the person; becomes DAVY_TOKEN.
        broker: mqtt://USER:PASSWORD@HOST:PORT of a viewer; becomes MQTT_URL.
    """
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"export DAVY_TOKEN={token}\nexport MQTT_URL={broker}\n")
