"""Configuration of a Mosquitto for one site: its users, and what each may read and write.

The table of davy.access.topics says what each role may read and write.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from davy.access.roles import Role
from davy.access.topics import MQTT, OWN, TopicRules
from davy.domain.camera import check_id
from davy.domain.errors import ConfigError
from davy.domain.topics import ALL_BELOW, ANY, POOL_GROUP, ROOT, shared
from davy.site import SiteConfig

AGGREGATOR, ENHANCER, VIEWER = "davy-aggregator", "davy-enhancer", "davy-viewer"
MONITOR = "davy-monitor"
ITERATIONS = 20_000
PLUGIN = "mosquitto_dynamic_security.so"
PLUGIN_OF_IMAGE = f"/usr/lib/{PLUGIN}"  # in the image eclipse-mosquitto

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
# Retained messages have no limit of their own: without this one, a stolen edge that retains frames of invented cameras takes
# the memory of the whole machine. What is refused at the limit disconnects its sender.
MEMORY_LIMIT = 256 * 2**20
LOG = """log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages true
"""


def open_listener(address: str) -> str:
    """The lines of a listener for everybody. address: port, or port and address to listen on."""
    return f"listener {address}\nallow_anonymous true\n"


def password_listener(address: str, identity: str = "") -> str:
    """The lines of a listener for users with passwords.

    Args:
        address: Port, or port and address to listen on, such as "1883 127.0.0.1".
        identity: Folder of cert.pem and key.pem; empty for no encryption.
    """
    tls = f"certfile {identity}/cert.pem\nkeyfile {identity}/key.pem\n" if identity else ""
    return f"listener {address}\n{tls}{OWN_ID}"


def certificate_listener(address: str, identity: str) -> str:
    """The lines of a listener for certificates of the site's authority; the common name is the user.

    Args:
        address: Port, or port and address to listen on.
        identity: Folder of cert.pem, key.pem, ca.pem and crl.pem.
    """
    files = "".join(f"{name}file {identity}/{name}.pem\n" for name in ("ca", "cert", "key", "crl"))
    return f"listener {address}\n{files}require_certificate true\nuse_identity_as_username true\n{OWN_ID}"


# A client is its user, whatever id it asks for: nobody takes over another user's session, and a user has one connection.
OWN_ID = "allow_anonymous false\nuse_username_as_clientid true\n"


def plugin_lines(plugin: str, security_file: str) -> str:
    """The lines of the dynamic security plugin, for all listeners.

    Args:
        plugin: Path of the plugin, as the broker sees it.
        security_file: Path of what `security` returns, as the broker sees it.
    """
    return f"plugin {plugin}\nplugin_opt_config_file {security_file}\n"


def configuration(*listeners: str, more: str = "", memory_limit: int = MEMORY_LIMIT) -> str:
    """The text of mosquitto.conf.

    Args:
        listeners: Lines of each listener.
        more: Further lines of its head, such as `plugin_lines`.
        memory_limit: Heap of the broker in bytes, retained messages included.
    """
    return "".join((QUEUES, f"memory_limit {memory_limit}\n", LOG, more, *listeners))


def users_of(site: SiteConfig, more: Collection[str] = ()) -> dict[str, tuple[Role | None, tuple[str, ...]]]:
    """Return the role of each user of the broker, and the names below which it writes its own states.

    A user has one connection, as the broker takes its name as the client id (`use_username_as_clientid`): nobody can take
    over another user's session. The common name of a certificate is the user (`davy.identity.name`). There is a user for
    each edge, the aggregator, each enhancer of the pool, a viewer, and a monitor, which may do nothing but connect.

    Args:
        site: The site.
        more: Further users: davy-aggregator-NAME, davy-viewer-NAME, or davy-program-NAME, which reads as a viewer does.

    Raises:
        ConfigError: an edge has the name of another user, or a further user has none of the forms.
    """
    if taken := [edge for edge in site.edges if edge.startswith("davy-") or edge == "aggregator"]:
        raise ConfigError(f"an edge cannot be called {', '.join(taken)}: Davy's own users at the broker have such names")
    users: dict[str, tuple[Role | None, tuple[str, ...]]] = {edge: (Role.EDGE, (edge,)) for edge in site.edges}
    users[AGGREGATOR] = (Role.AGGREGATOR, ())
    first, *others = site.pool or [""]
    users[ENHANCER] = (Role.ENHANCER, (first,) if first else ())
    users |= {f"{ENHANCER}-{name}": (Role.ENHANCER, (name,)) for name in others}
    users |= {VIEWER: (Role.VIEWER, ()), MONITOR: (None, ())}
    return users | {user: (_role_of(user), ()) for user in more}


def _role_of(user: str) -> Role:
    forms = {f"{AGGREGATOR}-": Role.AGGREGATOR, f"{VIEWER}-": Role.VIEWER, "davy-program-": Role.VIEWER}
    for form, role in forms.items():
        if user.startswith(form) and user != form:
            check_id("user", user)
            return role
    raise ConfigError(f"{user!r} is no user of the broker: write {', '.join(f'{form}NAME' for form in forms)}")


def make_passwords(site: SiteConfig, more: Collection[str] = ()) -> dict[str, str]:
    """A new password for every user of the list."""
    return {user: secrets.token_urlsafe(24) for user in users_of(site, more)}


def security(site: SiteConfig, passwords: Mapping[str, str], more: Collection[str] = ()) -> str:
    """The file of Mosquitto's dynamic security plugin: users, salted hashes of their passwords, and what each may do.

    The plugin refuses subscriptions, too. An access list (acl_file) only drops messages on their way, so that a stranger in
    the enhancers' group would take a part of the raw frames from them.

    Args:
        site: The site.
        passwords: By user; one without a password comes in by a certificate alone.
        more: Further users, as of `users_of`.

    Raises:
        ConfigError: as of `users_of`.
    """
    users = users_of(site, more)
    allowed = {"publishClientSend": False, "publishClientReceive": False, "subscribe": False, "unsubscribe": True}
    clients = [
        {"username": user, "roles": [{"rolename": user}], **({} if user not in passwords else hashed_password(passwords[user]))}
        for user in users
    ]
    roles = [{"rolename": user, "acls": _rules(site, *users[user])} for user in users]
    return json.dumps({"defaultACLAccess": allowed, "clients": clients, "groups": [], "roles": roles}, indent=1) + "\n"


def _rules(site: SiteConfig, role: Role | None, own: tuple[str, ...]) -> list[dict[str, object]]:
    """What one user may do; it goes by every name of own."""
    rules = MQTT[role] if role is not None else TopicRules()
    reads, writes, shares = (_filled(filters, own) for filters in (rules.reads, rules.writes, rules.shares))
    # Subscribers may leave the site open, as in davy/v1/+/+/status: what they get is of this site all the same.
    asked = [*(f"{ROOT}/{ANY}/{each}" for each in reads), *(shared(POOL_GROUP, f"{ROOT}/{ANY}/{each}") for each in shares)]
    lines = [("publishClientSend", f"{ROOT}/{site.site}/{each}") for each in writes]
    lines += [("publishClientReceive", f"{ROOT}/{site.site}/{each}") for each in (*reads, *shares)]
    lines += [("subscribePattern", each) for each in asked]
    lines += [("publishClientSend", each.format(site=site.site)) for each in rules.writes_outside]
    lines += [("publishClientReceive", each.format(site=site.site)) for each in rules.reads_outside]
    # Home Assistant subscribes to the devices of every kind and site; it gets what it may read.
    lines += [("subscribePattern", f"{each.split('/')[0]}/{ALL_BELOW}") for each in rules.reads_outside]
    return [{"acltype": kind, "topic": topic, "priority": 0, "allow": True} for kind, topic in lines]


def _filled(filters: Iterable[str], own: tuple[str, ...]) -> list[str]:
    return [each.format(own=name) for each in filters for name in (own if OWN in each else ("",))]


def hashed_password(password: str) -> dict[str, object]:
    """A password as the plugin stores it: salted PBKDF2-HMAC-SHA512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return {
        "password": base64.b64encode(digest).decode(),
        "salt": base64.b64encode(salt).decode(),
        "iterations": ITERATIONS,
    }


def find_plugin() -> Path | None:
    """The dynamic security plugin of a Mosquitto on this machine; Debian and the image of Eclipse bring it with the broker."""
    folders = ("/usr/lib", "/usr/local/lib", "/opt/homebrew/lib")
    found = (path for folder in folders for depth in ("", "*/") for path in sorted(Path(folder).glob(depth + PLUGIN)))
    return next(found, None)
