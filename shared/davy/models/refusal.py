"""Why a model is not run: one name per rule, the same on the edge, in the registry and over REST."""

from enum import StrEnum


class Cause(StrEnum):
    """The rule that a package breaks; the `cause` of ModelRefusedError."""

    TOO_LARGE = "too-large"
    TRUNCATED = "truncated"
    NOT_A_PACKAGE = "not-a-package"
    UNSAFE_NAME = "unsafe-name"  # a path that would leave its folder, as in a "zip slip"
    LINK = "link"
    DUPLICATE = "duplicate"
    UNEXPECTED_FILE = "unexpected-file"
    MISSING_FILE = "missing-file"
    NOT_CANONICAL = "not-canonical"  # the same content in another form: nothing in a package is left unchecked
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
    INTERFACE = "interface"  # no network that this Davy can run
    GOLDEN = "golden"  # this machine computes something else than the maker's did
