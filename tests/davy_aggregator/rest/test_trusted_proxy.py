"""A closed aggregator behind a proxy that says who calls: headers over real sockets, and a real HAProxy."""

import asyncio
import shutil
import subprocess
from contextlib import contextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.davy_aggregator.rest.test_access_pages import PASSWORD, add_user

from davy.access.roles import Role
from davy.adapters.access.credentials import Credentials
from davy.adapters.access.remote import RemoteDirectory
from davy.adapters.http.proxy_settings import ProxySettings
from davy.domain.errors import PermissionDeniedError
from davy_cli.directory import open_directory

pytestmark = pytest.mark.system

SECRET = "between the proxy and davy"
PROOF = {"X-Davy-Proxy-Secret": SECRET}
ROLES = {"mine-admins": "admin", "mine-shift": "operator"}
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


def proxied(folder, **changes):
    values = {"networks": ("127.0.0.1/32",), "secret": SECRET, "roles": ROLES}
    return running(make_settings(folder, access="closed", proxy=ProxySettings(**values | changes)), make_site())


def of(user: str, groups: str = "mine-shift", **more: str) -> dict[str, str]:
    return PROOF | {"X-Forwarded-User": user, "X-Forwarded-Groups": groups} | more


def refused(registry: CollectorRegistry) -> float:
    return registry.get_sample_value("davy_access_refused_total", {"wire": "http", "reason": "ProxyRefusedError"}) or 0.0


async def me(aggregator, headers: dict[str, str]):
    answer = await aggregator.get("/v1/session", headers=headers)
    return answer.json() if answer.status_code == 200 else answer.status_code


async def test_the_proxy_names_a_person_and_the_groups_give_the_role(tmp_path):
    async with proxied(tmp_path) as aggregator:
        assert {**await me(aggregator, of("otto")), "permissions": 0} == {
            "name": "otto",
            "role": "operator",
            "via": "proxy",
            "permissions": 0,
        }
        assert (await me(aggregator, of("ada", "canteen, mine-shift,mine-admins")))["role"] == "admin"
        users = (await aggregator.get("/v1/users", headers=of("ada", "mine-admins"))).json()["users"]
        assert {each["name"]: (each["role"], each["origin"]) for each in users} == {
            "otto": ("operator", "proxy"),
            "ada": ("admin", "proxy"),
        }


NOT_THE_PROXY = {
    "no secret": {"X-Forwarded-User": "ada"},
    "wrong secret": of("ada", "mine-admins") | {"X-Davy-Proxy-Secret": SECRET[:-1]},
    "longer secret": of("ada", "mine-admins") | {"X-Davy-Proxy-Secret": SECRET + "!"},
    "empty secret": of("ada", "mine-admins") | {"X-Davy-Proxy-Secret": ""},
    "secret that is no ASCII": of("ada", "mine-admins") | {"X-Davy-Proxy-Secret": "é" * 20},
}


@pytest.mark.parametrize("case", NOT_THE_PROXY)
async def test_without_the_secret_the_headers_are_ignored_and_counted(tmp_path, case):
    async with proxied(tmp_path) as aggregator:
        sent = {name: value.encode("latin-1") for name, value in NOT_THE_PROXY[case].items()}
        assert await me(aggregator, sent) == 401
        assert refused(aggregator.registry) == 1
        assert await me(aggregator, {}) == 401
        assert refused(aggregator.registry) == 1  # who sends no such header tries nothing


async def test_from_another_address_the_secret_counts_for_nothing(tmp_path):
    async with proxied(tmp_path, networks=("192.0.2.0/24", "2001:db8::/32")) as aggregator:
        assert await me(aggregator, of("ada", "mine-admins", **{"X-Forwarded-For": "192.0.2.7"})) == 401
        assert refused(aggregator.registry) == 1


async def test_two_users_in_one_request_are_nobody(tmp_path):
    async with proxied(tmp_path) as aggregator:
        sent = [
            *PROOF.items(),
            ("X-Forwarded-User", "ada"),
            ("X-Forwarded-User", "otto"),
            ("X-Forwarded-Groups", "mine-admins"),
        ]
        assert (await aggregator.client.get("/v1/session", headers=httpx.Headers(sent))).status_code == 401
        assert refused(aggregator.registry) == 1


async def test_a_person_without_a_known_group_is_refused_by_name_unless_a_default_role_is_set(tmp_path):
    async with proxied(tmp_path) as aggregator:
        answer = await aggregator.get("/v1/session", headers=of("mallory", "canteen"))
        assert (
            answer.status_code == 403 and "no role of this site belongs to the groups of 'mallory'" in answer.json()["detail"]
        )
        journal = (await aggregator.get("/v1/journal", headers=of("ada", "mine-admins"))).json()["entries"]
        assert ("mallory", "proxy", "403") in {(each["who"], each["via"], each["answer"]) for each in journal}
    async with proxied(tmp_path, default_role="viewer") as aggregator:
        assert (await me(aggregator, of("mallory", "canteen")))["role"] == "viewer"


async def test_a_person_of_the_proxy_is_disabled_here(tmp_path):
    async with proxied(tmp_path) as aggregator:
        assert (await me(aggregator, of("otto")))["name"] == "otto"
        with open_directory(tmp_path, "") as directory:
            directory.put_user("otto", None, None, disabled=True)
        answer = await aggregator.get("/v1/session", headers=of("otto"))
        assert answer.status_code == 403 and "has disabled the user" in answer.json()["detail"]


async def test_a_name_of_a_user_with_a_password_is_not_the_proxy_s_to_give(tmp_path):
    add_user(tmp_path, "ada", Role.ADMIN)
    async with proxied(tmp_path) as aggregator:
        assert await me(aggregator, of("ada", "mine-admins")) == 403


async def test_the_journal_names_person_client_and_proxy(tmp_path):
    async with proxied(tmp_path) as aggregator:
        forwarded = {"X-Forwarded-For": "203.0.113.66, 198.51.100.9"}  # the first is what the caller said of itself
        sent = of("ada", "mine-admins", **forwarded)
        made = await aggregator.client.post("/v1/tokens", json={"name": "grafana", "role": "monitor"}, headers=sent)
        assert made.status_code == 201
        entry = (await aggregator.get("/v1/journal", headers=sent)).json()["entries"][0]
        assert (entry["who"], entry["via"], entry["address"]) == ("ada", "proxy", "198.51.100.9 via 127.0.0.1")


async def test_a_browser_behind_a_proxy_that_ends_tls_gets_a_secure_cookie_and_may_post(tmp_path):
    add_user(tmp_path, "root", Role.ADMIN)
    async with proxied(tmp_path) as aggregator:
        named = {"name": "root", "password": PASSWORD}
        host = aggregator.http.removeprefix("http://")
        sent = {"Origin": f"https://{host}", "X-Forwarded-Proto": "https"}
        assert (await aggregator.client.post("/v1/session", json=named, headers=sent)).status_code == 403
        answer = await aggregator.client.post("/v1/session", json=named, headers=sent | PROOF)
        assert answer.status_code == 200 and "Secure" in answer.headers["set-cookie"]


async def test_other_services_ask_the_aggregator_for_the_person_of_a_proxy(tmp_path):
    add_user(tmp_path, "ada", Role.ADMIN)
    with open_directory(tmp_path, "") as directory:
        _, token = directory.add_token("trainer", Role.TRAINER, "", 1, "root")
    async with proxied(tmp_path) as aggregator:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAVY_TOKEN", token)
            remote = RemoteDirectory(aggregator.http)
            found = await remote.identify(Credentials(person=person("otto", Role.OPERATOR)))
            assert found is not None and (found.name, found.role, found.via) == ("otto", Role.OPERATOR, "proxy")
            assert await remote.identify(Credentials(token="davy_unknown")) is None
            for name, role in (("ada", Role.ADMIN), ("mallory", None)):  # a local user's name; no role
                with pytest.raises(PermissionDeniedError, match=name):
                    await remote.identify(Credentials(person=person(name, role)))


def person(name: str, role: Role | None):
    from davy.access.external import PROXY, ExternalPerson

    return ExternalPerson(name, role, PROXY, name, ("canteen",))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"networks": ()}, "networks are missing"),
        ({"secret": ""}, "an address alone proves nothing"),
        ({"secret": "short"}, "under 16 characters"),
        ({"roles": {"x": "edge"}}, "a person is"),
        ({"networks": ("10.0.0.1/8",)}, "not a valid IPv4 network"),
    ],
)
def test_settings_that_cannot_be_safe_are_refused(changes, reason):
    with pytest.raises(ValueError, match=reason):
        ProxySettings(**{"networks": ("127.0.0.1/32",), "secret": SECRET} | changes)


def test_the_secret_may_stand_in_a_file_and_an_empty_one_is_refused(tmp_path, monkeypatch):
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("DAVY_PROXY_SECRET_FILE", str(tmp_path / "secret"))
    assert ProxySettings(networks=("127.0.0.1/32",)).secret.get_secret_value() == SECRET
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(ValueError, match="the secret is missing"):
        ProxySettings(networks=("127.0.0.1/32",))


@contextmanager
def haproxy(folder, backend: str):
    """HAProxy that asks for a password, and says who has given it."""
    port = pick_port()
    (folder / "haproxy.cfg").write_text(
        f"""
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
userlist people
  group mine-shift users otto
  user otto insecure-password otto-secret
frontend mine
  bind 127.0.0.1:{port}
  http-request auth realm mine if !{{ http_auth(people) }}
  http-request del-header X-Davy-Proxy-Secret
  http-request del-header X-Forwarded-For
  http-request set-header X-Forwarded-User %[req.hdr(Authorization),word(2,\\ ),b64dec,word(1,:)]
  http-request set-header X-Forwarded-Groups mine-shift
  http-request set-header X-Davy-Proxy-Secret "{SECRET}"
  http-request del-header Authorization
  option forwardfor
  default_backend davy
backend davy
  server davy {backend}
"""
    )
    process = subprocess.Popen([str(HAPROXY), "-db", "-f", str(folder / "haproxy.cfg")])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(HAPROXY is None, reason="needs HAProxy (Debian: haproxy)")
async def test_a_person_who_signs_in_at_haproxy_is_known_and_cannot_say_to_be_another(tmp_path):
    async with proxied(tmp_path) as aggregator:
        with haproxy(tmp_path, aggregator.http.removeprefix("http://")) as front:
            async with httpx.AsyncClient(base_url=front, trust_env=False) as browser:

                async def answers() -> bool:
                    try:
                        return (await browser.get("/v1/session")).status_code == 401
                    except httpx.TransportError:
                        await asyncio.sleep(0.05)
                        return False

                await until(answers, 20)
                signed_in = ("otto", "otto-secret")
                lies = of("ada", "mine-admins", **{"X-Forwarded-For": "203.0.113.66"})
                found = (await browser.get("/v1/session", auth=signed_in, headers=lies)).json()
                assert (found["name"], found["role"], found["via"]) == ("otto", "operator", "proxy")
                assert (await browser.get("/v1/users", auth=signed_in, headers=lies)).status_code == 403
        journal = (await aggregator.get("/v1/journal", headers=of("ada", "mine-admins"))).json()["entries"]
        refusal = next(each for each in journal if each["operation"] == "GET /v1/users")
        # the proxy is on this machine too: its own address is no client's
        assert (refusal["who"], refusal["answer"]) == ("otto", "403") and refusal["address"].endswith("via 127.0.0.1")
