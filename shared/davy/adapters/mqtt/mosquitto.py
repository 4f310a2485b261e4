"""Mosquitto's configuration, access list and password file for one site.

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

# Frames are worth nothing after two seconds and must not pile up behind a slow reader: small queues, in bytes.
QUEUES = """persistence false
max_packet_size 1048576
# Of QoS 0, Mosquitto 2.0 counts messages alone: 300 frames of 60 kB are 18 MB for each reader that stands still.
max_queued_messages 300
max_queued_bytes 4194304
# What is acknowledged is bounded by bytes: a newcomer gets thousands of retained states at once.
max_inflight_messages 0
max_inflight_bytes 4194304
max_keepalive 60
set_tcp_nodelay true
"""
LOG = """log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages true
"""


def open_listener(address: str) -> str:
    """The lines of a listener for everybody. address: port, or port and address to listen on."""
    return f"listener {address}\nallow_anonymous true\n"


def password_listener(address: str, users: str, identity: str = "") -> str:
    """The lines of a listener for users with passwords.

    Args:
        address: Port, or port and address to listen on, such as "1883 127.0.0.1".
        users: Folder of the files `passwords` and `acl`, as the broker sees it.
        identity: Folder of cert.pem and key.pem; empty for no encryption.
    """
    tls = f"certfile {identity}/cert.pem\nkeyfile {identity}/key.pem\n" if identity else ""
    return f"listener {address}\n{tls}allow_anonymous false\npassword_file {users}/passwords\nacl_file {users}/acl\n"


def certificate_listener(address: str, users: str, identity: str) -> str:
    """The lines of a listener for certificates of the site's authority; the common name is the user.

    Args:
        address: Port, or port and address to listen on.
        users: Folder of the file `acl`, as the broker sees it.
        identity: Folder of cert.pem, key.pem, ca.pem and crl.pem.
    """
    files = "".join(f"{name}file {identity}/{file}.pem\n" for name, file in FILES)
    own = "require_certificate true\nuse_identity_as_username true\n"
    return f"listener {address}\n{files}{own}allow_anonymous false\nacl_file {users}/acl\n"


FILES = (("ca", "ca"), ("cert", "cert"), ("key", "key"), ("crl", "crl"))


def configuration(*listeners: str, more: str = "") -> str:
    """The text of mosquitto.conf. more: further lines of its head."""
    return "".join(("per_listener_settings true\n", QUEUES, LOG, more, *listeners))


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
