"""Identities of a site: names, its certificate authority, enrolment, and who may speak for whom."""

from davy.identity.name import SERVERS, Identity, Kind

__all__ = ["SERVERS", "Identity", "Kind"]
