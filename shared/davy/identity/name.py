"""The name of an edge, a service or a program, as its certificate carries it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from cryptography import x509
from cryptography.x509.oid import NameOID

from davy.domain.camera import check_id
from davy.domain.errors import DavyError, InvalidIdentityError

SCHEME = "davy://"
MAX_COMMON_NAME = 64  # RFC 5280, ub-common-name
MAIN = "main"  # the first service of its kind


class Kind(StrEnum):
    """What an identity is for."""

    EDGE = "edge"
    AGGREGATOR = "aggregator"
    ENHANCER = "enhancer"
    TRAINER = "trainer"
    COMPANY = "company"
    ANALYSER = "analyser"
    SIMULATOR = "simulator"
    BROKER = "broker"
    STORE = "store"  # the Redis-protocol server
    PROGRAM = "program"


SERVERS = frozenset(Kind) - {Kind.EDGE, Kind.ANALYSER, Kind.PROGRAM}  # others connect to them


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """One name within one site, written davy://SITE/KIND/NAME; site and name are `[a-z0-9-]{1,64}`.

    Raises:
        InvalidIdentityError: a part is invalid.
    """

    site: str
    kind: Kind
    name: str

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "kind", Kind(self.kind))
            check_id("site", self.site)
            check_id(self.kind, self.name)
        except (ValueError, DavyError) as error:
            raise InvalidIdentityError(f"{self.site}/{self.kind}/{self.name}", str(error)) from error
        if len(self.common_name) > MAX_COMMON_NAME:
            raise InvalidIdentityError(
                str(self), f"{self.common_name} has over {MAX_COMMON_NAME} characters: choose a shorter name"
            )
        if self.kind is Kind.EDGE and self.name.startswith("davy-"):
            raise InvalidIdentityError(
                str(self), "an edge's name does not begin with davy-: the broker's services have these names"
            )

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Read davy://SITE/KIND/NAME.

        Raises:
            InvalidIdentityError: uri has another form.
        """
        parts = uri.removeprefix(SCHEME).split("/")
        if not uri.startswith(SCHEME) or len(parts) != 3:
            raise InvalidIdentityError(uri, f"{SCHEME}SITE/KIND/NAME is expected")
        site, kind, name = parts
        if kind not in set(Kind):
            raise InvalidIdentityError(uri, f"{kind!r} is none of {', '.join(Kind)}")
        return cls(site, Kind(kind), name)

    @classmethod
    def of_certificate(cls, certificate: x509.Certificate) -> Self:
        """Read the name from the certificate's subject alternative name; the common name is not asked.

        Raises:
            InvalidIdentityError: the certificate does not carry exactly one davy:// URI.
        """
        found = [uri for uri in _uris(certificate) if uri.startswith(SCHEME)]
        if len(found) != 1:
            raise InvalidIdentityError(certificate.subject.rfc4514_string(), f"its certificate has {len(found)} davy:// names")
        return cls.parse(found[0])

    @property
    def common_name(self) -> str:
        """The subject's common name, which Mosquitto takes as the user and the client id.

        It is an edge's own name, davy-KIND for a service called main, and davy-KIND-NAME for any other.
        """
        if self.kind is Kind.EDGE:
            return self.name
        return f"davy-{self.kind}" if self.name == MAIN and self.kind is not Kind.PROGRAM else f"davy-{self.kind}-{self.name}"

    @property
    def subject(self) -> x509.Name:
        """The certificate's subject. It is not unique: the URI is the name."""
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.site),
                x509.NameAttribute(NameOID.COMMON_NAME, self.common_name),
            ]
        )

    def __str__(self) -> str:
        return f"{SCHEME}{self.site}/{self.kind}/{self.name}"


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)
