"""Mosquitto's access list and password file for one site.

The table of davy.access.topics says what each role may read and write.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping

from davy.access.roles import Role
from davy.access.topics import MQTT, OWN
from davy.domain.errors import ConfigError
from davy.domain.topics import ROOT
from davy.site import SiteConfig

AGGREGATOR, ENHANCER, VIEWER = "davy-aggregator", "davy-enhancer", "davy-viewer"
ITERATIONS = 20_000


def access_list(site: SiteConfig) -> str:
    """Mosquitto's acl_file: one user per edge, named as the edge, and three more. Everything else is denied.

    Raises:
        ConfigError: an edge has the name of one of the three.
    """
    if taken := {AGGREGATOR, ENHANCER, VIEWER, "aggregator"} & site.edges.keys():
        raise ConfigError(f"an edge cannot be called {', '.join(taken)}: that is a user of Davy's own at the broker")
    users = {edge: _rules(site, Role.EDGE, edge) for edge in site.edges}
    users[AGGREGATOR] = _rules(site, Role.AGGREGATOR)
    users[ENHANCER] = _rules(site, Role.ENHANCER, *site.pool)
    users[VIEWER] = _rules(site, Role.VIEWER)
    parts = [f"user {user}\n" + "".join(f"topic {rule}\n" for rule in rules) for user, rules in users.items()]
    return f"# Written by `davy config broker`, for site {site.site}.\n\n" + "\n".join(parts)


def _rules(site: SiteConfig, role: Role, *own: str) -> list[str]:
    """The lines of one user; it goes by every name of own."""
    rules = [("read", each) for each in MQTT[role].reads] + [("write", each) for each in MQTT[role].writes]
    lines = [f"{access} {ROOT}/{site.site}/{each}" for access, each in rules]
    return [filled for line in lines for filled in (_filled(line, own) if OWN in line else [line])]


def _filled(line: str, own: tuple[str, ...]) -> list[str]:
    return [line.format(own=name) for name in own]


def make_passwords(site: SiteConfig) -> dict[str, str]:
    """A new password for every user of the list."""
    return {user: secrets.token_urlsafe(24) for user in (*site.edges, AGGREGATOR, ENHANCER, VIEWER)}


def password_file(passwords: Mapping[str, str]) -> str:
    """Mosquitto's password_file: salted PBKDF2-HMAC-SHA512, as mosquitto_passwd writes it."""
    return "".join(f"{user}:{_digest(password)}\n" for user, password in passwords.items())


def _digest(password: str) -> str:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
