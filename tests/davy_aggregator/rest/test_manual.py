"""The manual inside the package, served by the aggregator."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from davy_aggregator.rest.manual import mount_manual


def client_of(folder: Path) -> httpx.AsyncClient:
    app = FastAPI()
    mount_manual(app, folder)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://aggregator", follow_redirects=True)


@pytest.fixture
def manual(tmp_path: Path) -> Path:
    (tmp_path / "how-to").mkdir()
    (tmp_path / "index.html").write_text("<h1>Davy</h1>")
    (tmp_path / "how-to" / "develop.html").write_text("<h1>Develop</h1>")
    return tmp_path


async def test_the_manual_of_the_package_is_served_at_manual(manual: Path):
    async with client_of(manual) as client:
        home, page = await client.get("/manual"), await client.get("/manual/how-to/develop.html")
    assert home.status_code == 200
    assert "<h1>Davy</h1>" in home.text
    assert page.text == "<h1>Develop</h1>"


async def test_a_page_of_the_manual_may_load_from_its_own_host_only(manual: Path):
    async with client_of(manual) as client:
        page = await client.get("/manual/")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")


async def test_no_file_outside_the_manual_is_served(manual: Path):
    (manual.parent / "secret.txt").write_text("secret")
    async with client_of(manual) as client:
        answer = await client.get("/manual/..%2fsecret.txt")
    assert answer.status_code == 404


async def test_a_package_without_a_manual_answers_404(tmp_path: Path):
    async with client_of(tmp_path) as client:
        answer = await client.get("/manual/")
    assert answer.status_code == 404
