"""Validation of a desired configuration by the rules of one edge."""

from collections.abc import Collection
from pathlib import Path

from davy.domain.errors import ConfigError, InvalidInputError, ModelRefusedError
from davy.domain.source import ANY_SOURCE, InvalidSourceError, Source, SourcePolicy
from davy.domain.topics import EdgeTopics
from davy.edge_config import config_id, read_config, verify_config
from davy.models.keys import KeySet
from davy.site import EdgeConfig
from davy.twin.configuration import DesiredConfig
from davy.twin.protocol import UntrustedError


class ConfigValidator:
    """Validates configurations by the rules of one edge. It reads the key set from disk: call it off the event loop.

    Args:
        schemes: URL schemes that this edge supports.
        trust: Key set that authorizes configurations; None also accepts unsigned ones.
        policy: Sources that may be configured.
    """

    def __init__(
        self,
        topics: EdgeTopics,
        schemes: Collection[str],
        max_cameras: int,
        trust: Path | None,
        policy: SourcePolicy = ANY_SOURCE,
    ) -> None:
        self._topics, self._schemes, self._max_cameras, self._trust = topics, frozenset(schemes), max_cameras, trust
        self._policy = policy

    def validate(self, desired: DesiredConfig, running: EdgeConfig) -> EdgeConfig:
        """Return the desired configuration. An unreachable source is no reason to reject it.

        Raises:
            UntrustedError: no trusted key signed it.
            InvalidInputError: a rule is broken; the text names rule and field.
        """
        self._check_signature(desired)
        if config_id(desired.config) != desired.id:
            raise InvalidInputError(f"the content does not match the id {desired.id[:12]}")
        config = read_config(desired.config)
        self.check(config, running)
        return config

    def check(self, config: EdgeConfig, running: EdgeConfig) -> None:
        """Check the rules of this edge.

        Raises:
            InvalidInputError: a rule is broken.
        """
        if config.enhance != running.enhance:
            raise InvalidInputError(
                f"enhance: this edge runs with {running.enhance!r}; change it in site.yaml and restart the edge"
            )
        if len(config.cameras) > self._max_cameras:
            raise InvalidInputError(
                f"cameras: {len(config.cameras)} cameras exceed the limit of {self._max_cameras} (DAVY_EDGE_MAX_CAMERAS)"
            )
        for name, camera in config.cameras.items():
            scheme, before = camera.source.scheme, running.cameras.get(name)
            if scheme not in self._schemes and (before is None or before.source != camera.source):
                known = ", ".join(f"{each}://" for each in sorted(self._schemes))
                raise InvalidInputError(f"cameras.{name}.source: this edge does not support {scheme}://; it supports {known}")
            try:
                self._policy.check(Source.of(camera.source))
            except InvalidSourceError as error:
                raise InvalidInputError(f"cameras.{name}.source: {error}") from error

    def _check_signature(self, desired: DesiredConfig) -> None:
        if self._trust is None:
            return
        if desired.signature is None:
            raise UntrustedError("no signature; this edge accepts only signed configurations (DAVY_EDGE_CONFIG_TRUST)")
        try:
            trust = KeySet.load(self._trust)
            verify_config(trust, desired.signature, self._topics.site, self._topics.edge, desired.config)
        except (ModelRefusedError, ConfigError) as error:
            reason = error.reason if isinstance(error, ModelRefusedError) else str(error)
            raise UntrustedError(f"signature: {reason}") from error
