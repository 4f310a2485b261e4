"""Mosquitto's access list and password file for one site.

An edge writes its own subtree and reads its own `desired/#`: a stolen edge cannot impersonate another one. An enhancer
writes the enhanced frames of all cameras, and its own state. Only the aggregator writes `desired/#`. A viewer reads pictures
and states, but not `desired/#`, which may hold the cameras' passwords.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping

from davy.domain.errors import ConfigError
from davy.domain.topics import ROOT
from davy.site import SiteConfig

AGGREGATOR, ENHANCER, VIEWER = "davy-aggregator", "davy-enhancer", "davy-viewer"
EDGE_WRITES = ("status", "info", "stats", "event", "reported/model", "reported/config", "cam/#")
VIEWER_READS = ("status", "info", "stats", "event", "reported/#", "cam/#")
ITERATIONS = 20_000


def access_list(site: SiteConfig) -> str:
    """Mosquitto's acl_file: one user per edge, named as the edge, and three more. Everything else is denied.

    Raises:
        ConfigError: an edge has the name of one of the three.
    """
    if taken := {AGGREGATOR, ENHANCER, VIEWER, "aggregator"} & site.edges.keys():
        raise ConfigError(f"an edge cannot be called {', '.join(taken)}: that is a user of Davy's own at the broker")
    base = f"{ROOT}/{site.site}"
    users: dict[str, list[str]] = {
        edge: [f"read {base}/{edge}/desired/#", *(f"write {base}/{edge}/{leaf}" for leaf in EDGE_WRITES)] for edge in site.edges
    }
    reporter = (f"write {base}/aggregator/{leaf}" for leaf in ("status", "info", "event"))
    users[AGGREGATOR] = [f"read {base}/#", f"write {base}/+/desired/#", *reporter]
    users[ENHANCER] = [f"read {base}/+/cam/+/raw", *(f"write {base}/+/cam/+/{leaf}" for leaf in ("frame", "meta"))]
    for name in site.pool:
        users[ENHANCER] += [f"read {base}/{name}/{leaf}" for leaf in ("desired/model", "status")]
        users[ENHANCER] += [f"write {base}/{name}/{leaf}" for leaf in ("status", "info", "reported/model")]
    users[VIEWER] = [f"read {base}/+/{leaf}" for leaf in VIEWER_READS]
    parts = [f"user {user}\n" + "".join(f"topic {rule}\n" for rule in rules) for user, rules in users.items()]
    return f"# Written by `davy config broker`, for site {site.site}.\n\n" + "\n".join(parts)


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
