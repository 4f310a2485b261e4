"""Identities of a site: names, its certificate authority, enrolment, and who may speak for whom."""

from davy.identity.authority import Authority
from davy.identity.credentials import CredentialFiles, Credentials, renewal_due, write_credentials
from davy.identity.enrolment import Token, enroll, make_request, new_token
from davy.identity.name import SERVERS, Identity, Kind
from davy.identity.peers import check_peer, check_speaks_for, revoked_serials, speaks_for

__all__ = [
    "SERVERS",
    "Authority",
    "CredentialFiles",
    "Credentials",
    "Identity",
    "Kind",
    "Token",
    "check_peer",
    "check_speaks_for",
    "enroll",
    "make_request",
    "new_token",
    "renewal_due",
    "revoked_serials",
    "speaks_for",
    "write_credentials",
]
