import pytest

from davy.adapters.storage.layout_store import SITE, LayoutStore
from davy.domain.errors import InvalidInputError


def names(layouts):
    return [layout.name for layout in layouts]


def test_an_owner_reads_own_layouts_by_name_after_a_restart(database, reopen):
    store = LayoutStore(database)
    store.put("person:ada", "shaft", "{1}")
    store.put("person:ada", "belt", "{2}")
    store.put("person:bob", "belt", "{3}")
    again = LayoutStore(reopen())
    assert names(again.all("person:ada")) == ["belt", "shaft"]
    assert again.get("person:ada", "belt").body == "{2}"
    assert again.get(SITE, "belt") is None


def test_a_layout_of_the_same_name_replaces_the_first(database):
    store = LayoutStore(database)
    store.put(SITE, "control", "{1}")
    store.put(SITE, "control", "{2}")
    assert [layout.body for layout in store.all(SITE)] == ["{2}"]


def test_the_number_of_layouts_of_an_owner_is_bounded(database):
    store = LayoutStore(database, most=2)
    for name in ("a", "b"):
        store.put("person:ada", name, "{}")
    with pytest.raises(InvalidInputError, match="at most 2 layouts"):
        store.put("person:ada", "c", "{}")
    store.put("person:ada", "b", "{new}")
    store.put("person:bob", "c", "{}")


def test_a_deleted_layout_is_gone_once(database):
    store = LayoutStore(database)
    store.put(SITE, "control", "{}")
    assert store.delete(SITE, "control")
    assert not store.delete(SITE, "control")
    assert store.all(SITE) == []
