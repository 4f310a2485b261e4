import pytest

from davy.access.permissions import AGGREGATOR
from davy.access.roles import Permission
from davy.adapters.access.http import Operations

operations = Operations(AGGREGATOR)


@pytest.mark.parametrize(
    ("method", "path", "name", "permission"),
    [
        ("GET", "/v1/cameras", "GET /v1/cameras", "view"),
        ("HEAD", "/v1/cameras", "GET /v1/cameras", "view"),
        ("GET", "/v1/cameras/north.face/latest.jpg", "GET /v1/cameras/{camera_id}/latest.jpg", "view"),
        ("WS", "/v1/console", "WS /v1/console", "view"),
        ("GET", "/static/a/b.js", "GET /static/{path:path}", "public"),
        ("GET", "/v1/models/compare", "GET /v1/models/compare", "view"),
        ("DELETE", "/v1/models", "DELETE /v1/models", "curate"),
        ("GET", "/manual/", "GET /manual/{path:path}", "signed-in"),
    ],
)
def test_an_operation_is_found_by_method_and_path(method, path, name, permission):
    found = operations.find(method, path)
    assert (found.name, found.permission) == (name, Permission(permission))


@pytest.mark.parametrize("path", ["/v1/secret", "/v1/cameras/a/b/c", "/v1//cameras", "/v1/cameras\n", "//healthz", "/static"])
def test_a_path_that_no_table_names_has_no_permission(path):
    assert operations.find("GET", path).permission is None


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/v1/cameras"), ("GET", "/v1/console"), ("WS", "/v1/cameras")])
def test_another_method_of_a_known_path_has_no_permission(method, path):
    assert operations.find(method, path).permission is None


def test_methods_that_a_path_takes_are_named():
    assert operations.find("POST", "/v1/models/x").allowed == ("DELETE", "GET", "HEAD", "OPTIONS")
    assert operations.find("POST", "/nothing").allowed == ()
