"""HEAD answers the header of GET."""

import pytest

pytestmark = pytest.mark.system


@pytest.mark.parametrize("path", ["/", "/v1/model", "/healthz", "/readyz", "/metrics", "/openapi.json"])
async def test_head_has_the_header_of_get_and_no_body(service, path: str):
    head, get = await service.http.head(path), await service.http.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


async def test_head_of_a_missing_resource_is_404(service):
    assert (await service.http.head("/v1/jobs/none")).status_code == 404
