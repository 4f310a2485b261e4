"""The metadata with the tables of every store."""

from davy.adapters.storage import (
    access_store,
    alarm_store,
    config_store,
    event_tables,
    fenced,
    import_log,
    journal_store,
    layout_store,
    lease_store,
    recording_store,
    replica_requests,
    rollout_store,
    run_store,
    sample_store,
    set_aside,
    shared_keys,
    space_used,
)
from davy.adapters.storage.schema import metadata

STORES = (  # each declares its tables
    access_store,
    alarm_store,
    config_store,
    event_tables,
    fenced,
    import_log,
    journal_store,
    layout_store,
    lease_store,
    recording_store,
    replica_requests,
    rollout_store,
    run_store,
    sample_store,
    set_aside,
    shared_keys,
    space_used,
)

__all__ = ["STORES", "metadata"]
