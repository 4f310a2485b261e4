"""What replicas must share besides their database."""

from davy.telemetry import get_logger
from davy_aggregator.settings import AggregatorSettings

log = get_logger(__name__)

SHARED = ("registry", "recordings", "trust", "journal_keys")
"""Settings of what lies in the data folder if they are empty."""


class ShareCheck:
    """Logs what this replica keeps in its own folder although another replica works, too; each once.

    Args:
        settings: Of this replica.
    """

    def __init__(self, settings: AggregatorSettings) -> None:
        self.missing = [name for name in SHARED if not getattr(settings, name)]
        self._logged = False

    def check(self, others: bool) -> None:
        """Log what is not shared.

        Args:
            others: Whether another replica works.
        """
        if not others or self._logged:
            return
        self._logged = True
        for name in self.missing:
            log.error(
                "replicas.not_shared",
                setting=f"DAVY_AGGREGATOR_{name.upper()}",
                hint="other aggregators of this database do not see it: name an object storage or a shared folder",
            )
