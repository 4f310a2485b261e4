"""The id of one run of an edge or an enhancer: sequence numbers start anew with it."""

import secrets
import time

BOOT_PATTERN = r"[a-z0-9-]{1,64}"


def new_boot_id() -> str:
    """Return a new id: the time in UTC, and random digits."""
    return f"{time.strftime('%Y%m%dt%H%M%S', time.gmtime())}-{secrets.token_hex(4)}"
