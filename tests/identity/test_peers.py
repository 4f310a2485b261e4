import pytest

from davy.domain.errors import PermissionDeniedError
from davy.identity import Identity, check_speaks_for, speaks_for


@pytest.mark.parametrize(
    ("identity", "speaks"),
    [
        ("davy://demo/edge/west", True),
        ("davy://demo/edge/east", False),
        ("davy://other/edge/west", False),
        ("davy://demo/program/west", False),
        ("davy://demo/enhancer/west", False),
    ],
)
def test_only_the_edge_itself_speaks_for_it(identity, speaks):
    assert speaks_for(Identity.parse(identity), "west", "demo") is speaks


def test_a_foreign_speaker_is_named_with_what_it_may_not_do():
    check_speaks_for(None, "west", "demo", "frames")
    with pytest.raises(PermissionDeniedError, match="davy://demo/edge/east may not send frames of edge west"):
        check_speaks_for(Identity.parse("davy://demo/edge/east"), "west", "demo", "frames")
