import pytest

from davy.domain.errors import InvalidIdentityError
from davy.identity import Identity, Kind


def test_an_identity_is_read_as_it_is_written():
    identity = Identity("demo", Kind.EDGE, "west")
    assert str(identity) == "davy://demo/edge/west"
    assert Identity.parse(str(identity)) == identity


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "davy://",
        "davy://demo/edge",
        "davy://demo/edge/west/face",
        "davy://demo/miner/west",
        "davy://demo/edge/West",
        "davy://demo/edge/west\n",
        "davy://de mo/edge/west",
        "DAVY://demo/edge/west",
        "https://demo/edge/west",
        "davy://demo/edge/davy-aggregator",
        "davy://demo/edge/" + "a" * 65,
    ],
)
def test_a_uri_of_another_form_is_no_identity(uri):
    with pytest.raises(InvalidIdentityError):
        Identity.parse(uri)


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("davy://demo/edge/west", "west"),
        ("davy://demo/aggregator/main", "davy-aggregator"),
        ("davy://demo/aggregator/second", "davy-aggregator-second"),
        ("davy://demo/enhancer/pool-2", "davy-enhancer-pool-2"),
        ("davy://demo/program/viewer", "davy-program-viewer"),
        ("davy://demo/program/main", "davy-program-main"),
    ],
)
def test_the_common_name_is_the_user_of_the_brokers_access_list(uri, user):
    assert Identity.parse(uri).common_name == user
