"""Opens the engine that a URL names."""

from davy.adapters.fan_out.memory import MemoryFanOut
from davy.adapters.fan_out.redis_streams import RedisFanOut
from davy.adapters.tls.identity_files import Tls
from davy.domain.fan_out import FanOut
from davy.domain.secret_url import SecretUrl


def open_fan_out(endpoint: SecretUrl, replica: str, tls: Tls | None = None) -> FanOut:
    """Return the engine of an endpoint; it connects at its first use.

    Args:
        endpoint: redis://, rediss://, unix:// or memory://.
        replica: This process's name, which no other one has.
        tls: The own identity.
    """
    if endpoint.scheme == "memory":
        return MemoryFanOut()
    return RedisFanOut(endpoint, replica, tls)
