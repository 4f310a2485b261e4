"""The metadata with the tables of every store."""

from davy.adapters.storage import (
    access_store,
    alarm_store,
    config_store,
    event_tables,
    import_log,
    journal_store,
    layout_store,
    recording_store,
    rollout_store,
    run_store,
    sample_store,
    set_aside,
    space_used,
)
from davy.adapters.storage.schema import metadata

STORES = (  # each declares its tables
    access_store,
    alarm_store,
    config_store,
    event_tables,
    import_log,
    journal_store,
    layout_store,
    recording_store,
    rollout_store,
    run_store,
    sample_store,
    set_aside,
    space_used,
)

__all__ = ["STORES", "metadata"]
