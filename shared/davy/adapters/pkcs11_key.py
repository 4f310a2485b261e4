"""Signing keys in PKCS#11 modules: smart cards, security keys and hardware modules. The private half never leaves them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qsl, unquote

from davy.domain.errors import ConfigError, MissingExtraError
from davy.models.keys import key_id
from davy.models.manifest import SIGNED_PREFIX, Signature

SCHEME = "pkcs11:"
FORM = "pkcs11:token=NAME;object=NAME?module-path=/usr/lib/MODULE.so"
PUBLIC_BYTES = 32
_OCTET_STRING = b"\x04\x20"  # DER: some modules wrap the point, others do not


@dataclass(frozen=True, slots=True)
class KeyUri:
    """Where a key lies (RFC 7512): label of the token, label of the key pair, library of the module."""

    token: str
    object: str
    module: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URI.

        Raises:
            ConfigError: it has another form.
        """
        path, _, query = text.removeprefix(SCHEME).partition("?")
        found = dict(part.partition("=")[::2] for part in path.split(";") if part) | dict(parse_qsl(query))
        if not text.startswith(SCHEME) or set(found) != {"token", "object", "module-path"} or not all(found.values()):
            raise ConfigError(f"{text!r} names no key of a module: write {FORM}")
        return cls(unquote(found["token"]), unquote(found["object"]), found["module-path"])


class Pkcs11Key:
    """A private Ed25519 key in a module, while its session is open. It is a davy.models.Signer."""

    def __init__(self, private: Any, public: bytes) -> None:  # noqa: ANN401  # pkcs11 may not be installed
        self._private, self.id = private, key_id(public)

    def sign(self, manifest: bytes, prefix: bytes = SIGNED_PREFIX) -> Signature:
        """Sign the bytes of a manifest, or of the kind of document that prefix names.

        Raises:
            ConfigError: the module refuses.
        """
        from pkcs11 import Mechanism

        with _translated("it does not sign"):
            signature = self._private.sign(prefix + manifest, mechanism=Mechanism.EDDSA)
        return Signature(algorithm="ed25519", key=self.id, signature=bytes(signature).hex())


@contextmanager
def open_key(uri: KeyUri, pin: str) -> Iterator[Pkcs11Key]:
    """Open the private key with the user's PIN.

    Raises:
        ConfigError: there is no such module, token or Ed25519 key, or the PIN is wrong.
        MissingExtraError: the package pkcs11 is not installed.
    """
    with _session(uri, pin) as session:
        from pkcs11 import KeyType, ObjectClass

        with _translated(f"it has no private Ed25519 key {uri.object!r}"):
            private = session.get_key(ObjectClass.PRIVATE_KEY, KeyType.EC_EDWARDS, label=uri.object)
        yield Pkcs11Key(private, _public(session, uri))


def public_key(uri: KeyUri) -> bytes:
    """Return the public key, 32 bytes; no PIN is needed.

    Raises:
        ConfigError, MissingExtraError: as of open_key.
    """
    with _session(uri, None) as session:
        return _public(session, uri)


@contextmanager
def _session(uri: KeyUri, pin: str | None) -> Iterator[Any]:
    try:
        import pkcs11
    except ModuleNotFoundError as error:
        raise MissingExtraError("a key in a PKCS#11 module", "python-pkcs11", "pkcs11") from error
    with _translated(f"token {uri.token!r} of module {uri.module} cannot be opened"):
        session = pkcs11.lib(uri.module).get_token(token_label=uri.token).open(user_pin=pin)
    with session:
        yield session


def _public(session: Any, uri: KeyUri) -> bytes:  # noqa: ANN401  # as above
    from pkcs11 import Attribute, KeyType, ObjectClass

    with _translated(f"it has no public Ed25519 key {uri.object!r}"):
        point = bytes(session.get_key(ObjectClass.PUBLIC_KEY, KeyType.EC_EDWARDS, label=uri.object)[Attribute.EC_POINT])
    public = point.removeprefix(_OCTET_STRING) if len(point) == PUBLIC_BYTES + 2 else point
    if len(public) != PUBLIC_BYTES:
        raise ConfigError(f"the key {uri.object!r} has {len(public)} bytes; an Ed25519 key has {PUBLIC_BYTES}")
    return public


@contextmanager
def _translated(text: str) -> Iterator[None]:
    import pkcs11

    try:
        yield
    except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:  # RuntimeError: the library cannot be loaded
        raise ConfigError(f"PKCS#11: {text}: {str(error) or type(error).__name__}") from error
