"""The metadata with the tables of every noun."""

from davy.adapters.storage import config_store, event_store, import_log, rollout_store, run_store, sample_store, space_used
from davy.adapters.storage.schema import metadata

NOUNS = (config_store, event_store, import_log, rollout_store, run_store, sample_store, space_used)  # each declares its tables

__all__ = ["NOUNS", "metadata"]
