"""Reasons to refuse a model: one name per rule, shared by edge, registry and REST."""

from enum import StrEnum


class Cause(StrEnum):
    """Violated rule of a package; the `cause` of ModelRefusedError."""

    TOO_LARGE = "too-large"
    TRUNCATED = "truncated"
    NOT_A_PACKAGE = "not-a-package"
    UNSAFE_NAME = "unsafe-name"  # a path outside its folder, as in a "zip slip"
    LINK = "link"
    DUPLICATE = "duplicate"
    UNEXPECTED_FILE = "unexpected-file"
    MISSING_FILE = "missing-file"
    NOT_CANONICAL = "not-canonical"  # the same content in another form
    UNSIGNED = "unsigned"
    FOREIGN_KEY = "foreign-key"
    KEY_NOT_YET_VALID = "key-not-yet-valid"
    KEY_EXPIRED = "key-expired"
    KEY_REVOKED = "key-revoked"
    SIGNATURE = "signature"
    SCHEMA = "schema"
    SIZE = "size"
    DIGEST = "digest"
    HUGE_HEADER = "huge-header"
    INTERFACE = "interface"  # unsupported network
    GOLDEN = "golden"  # output differs from the golden vectors
    LIMITS = "limits"  # its graph needs more memory or time than a network may
