"""Opens the engine that a URL names."""

from davy.adapters.fan_out.memory import MemoryFanOut
from davy.adapters.fan_out.redis_streams import RedisFanOut
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import ConfigError
from davy.domain.fan_out import FanOut
from davy.domain.secret_url import SecretUrl


def open_fan_out(endpoint: SecretUrl, replica: str, tls: Tls | None = None) -> FanOut:
    """Return the engine of an endpoint; it connects at its first use.

    Args:
        endpoint: redis://, rediss://, unix://, nats://, tls:// or memory://.
        replica: This process's name, which no other one has.
        tls: The own identity.

    Raises:
        ConfigError: the engine is NATS, and its client is not installed.
    """
    if endpoint.scheme == "memory":
        return MemoryFanOut()
    if endpoint.scheme in ("nats", "tls"):
        try:
            from davy.adapters.fan_out.nats_subjects import NatsFanOut  # an extra
        except ImportError as error:
            raise ConfigError(f"cache is {endpoint}: install davy[nats]") from error
        return NatsFanOut(endpoint, replica, tls)
    return RedisFanOut(endpoint, replica, tls)
