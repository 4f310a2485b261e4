import itertools

import pytest

from davy.access.permissions import GRPC, REST
from davy.access.principal import ANONYMOUS, OWNER, Principal, act_as, acting, check
from davy.access.roles import MACHINES, PEOPLE, PERMISSIONS_OF, Permission, Role
from davy.domain.errors import PermissionDeniedError, UnauthenticatedError

VIEWER = Principal("ada", Role.VIEWER, "session")


def test_every_role_has_permissions_and_every_permission_a_role():
    assert set(PERMISSIONS_OF) == set(Role)
    held = frozenset().union(*PERMISSIONS_OF.values())
    assert held == set(Permission)
    assert set(PEOPLE) | set(MACHINES) | {Role.ANONYMOUS} == set(Role)


def test_each_role_of_people_may_do_what_the_one_before_may():
    for lower, higher in itertools.pairwise(PEOPLE):
        assert PERMISSIONS_OF[lower] < PERMISSIONS_OF[higher]


FILES = ("static/{path:path}", "web/{path:path}")  # scripts, styles and words of the pages


def test_anonymous_callers_have_the_public_operations_alone():
    assert PERMISSIONS_OF[Role.ANONYMOUS] == {Permission.PUBLIC}
    public = {f"{service} {name}" for service, table in REST.items() for name, needs in table.items() if needs == "public"}
    assert public == {
        *(
            f"{service} GET /{name}"
            for service in REST
            for name in ("healthz", "readyz", "static/{path:path}", "web/{path:path}")
        ),
        "aggregator GET /login",
        "aggregator POST /v1/session",
        "aggregator GET /v1/session/methods",
        "aggregator GET /v1/session/oidc",
        "aggregator GET /v1/identities/ca",
        "aggregator GET /v1/identities/crl",
        "aggregator POST /v1/identities/enroll",  # a one-time token is asked for
        "aggregator POST /v1/identities/renew",  # a certificate is asked for
    }
    assert {method for method, needs in GRPC.items() if needs == "public"} == {
        f"/grpc.health.v1.Health/{name}" for name in ("Check", "List", "Watch")
    }


def test_machines_change_nothing_that_people_decide():
    for role in MACHINES:
        assert not PERMISSIONS_OF[role] & {"configure", "roll-out", "confirm", "administer", "curate", "train", "adjust"}


def test_an_operation_without_identity_is_refused():
    with pytest.raises(UnauthenticatedError, match="GET /v1/site needs an identity"):
        check(None, Permission.VIEW, "GET /v1/site")
    assert check(None, Permission.PUBLIC, "GET /healthz") is ANONYMOUS


def test_an_operation_that_no_table_names_is_denied_to_everybody_but_the_owner_of_an_open_service():
    for role in Role:
        with pytest.raises(PermissionDeniedError, match="nobody may"):
            check(Principal("x", role, "token"), None, "/davy.v1.Secret/Read")


def test_a_role_without_the_permission_is_refused_with_the_permission_s_name():
    assert check(VIEWER, Permission.VIEW, "GET /v1/site") is VIEWER
    with pytest.raises(PermissionDeniedError, match=r"'ada' \(viewer\) may not POST /v1/rollouts.*permission roll-out"):
        check(VIEWER, Permission.ROLL_OUT, "POST /v1/rollouts")
    assert check(OWNER, Permission.ROLL_OUT, "POST /v1/rollouts") is OWNER


def test_an_edge_speaks_for_itself_alone():
    north = Principal("north", Role.EDGE, "token", "north")
    north.require_edge("north")
    with pytest.raises(PermissionDeniedError, match="speak for edge south"):
        north.require_edge("south")
    OWNER.require_edge("south")


def test_the_acting_principal_is_the_request_s():
    assert acting().via == "process"
    with act_as(VIEWER):
        assert acting() is VIEWER
    assert acting().via == "process"
