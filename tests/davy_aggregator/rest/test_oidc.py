"""People sign in to a closed aggregator at a real OpenID Connect provider, which runs in a process of its own."""

import json
import shutil
import socket
import threading
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running
from tests.davy_aggregator.rest.test_access_pages import add_user, picture
from tests.fixtures import identity_provider as provider_fixture
from tests.fixtures.identities import Identities
from tests.fixtures.identity_provider import CLIENT, SECRET, IdentityProvider, identity_provider
from tests.fixtures.tls_front import tls_front

from davy.access.roles import Role
from davy.adapters.access.oidc import OidcProvider
from davy.adapters.access.oidc_settings import OidcSettings
from davy.adapters.http.proxy_settings import ProxySettings
from davy.domain.errors import IdentityProviderUnavailableError
from davy_cli.directory import open_directory

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROLES = {"mine-admins": "admin", "mine-shift": "operator", "mine-visitors": "viewer"}


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    with identity_provider(tmp_path_factory.mktemp("provider")) as found:
        yield found


def settings_of(issuer: str, folder, **changes) -> OidcSettings:
    secret = folder / "client-secret"
    secret.write_text(f"{SECRET}\n")
    values = {"issuer": issuer, "client_id": CLIENT, "client_secret_file": secret, "roles": ROLES, "label": "Mine accounts"}
    return OidcSettings(**values | changes)


@asynccontextmanager
async def closed(folder, oidc: OidcSettings):
    async with running(make_settings(folder, access="closed", oidc=oidc), make_site()) as aggregator:
        yield aggregator


async def sign_in(aggregator, provider: IdentityProvider, name: str):
    """Begin, log in on the provider's page, and bring its answer back."""
    begun = await aggregator.get("/v1/session/oidc")
    assert begun.status_code == 200, begun.text
    found = parse_qs(urlsplit(await provider.answer(begun.json()["url"], name)).query)
    answer = {"code": found["code"][0], "state": found["state"][0]}
    return await aggregator.client.post("/v1/session", json=answer)


async def test_a_person_of_the_provider_signs_in_with_the_role_of_the_highest_group(provider, tmp_path):
    add_user(tmp_path, "root", Role.ADMIN)
    async with closed(tmp_path, settings_of(provider.issuer, tmp_path)) as aggregator:
        assert (await aggregator.get("/v1/session/methods")).json() == {"oidc": "Mine accounts"}
        answer = await sign_in(aggregator, provider, "ada")
        assert (answer.status_code, answer.json()["name"], answer.json()["role"]) == (200, "ada", "admin")
        cookies = answer.headers.get_list("set-cookie")
        assert any("davy-session=" in each and "HttpOnly" in each and "SameSite=strict" in each for each in cookies)
        assert any(each.startswith('davy-sign-in="";') for each in cookies)
        users = {each["name"]: each for each in (await aggregator.get("/v1/users")).json()["users"]}
        assert users["ada"]["origin"] == provider.issuer and users["root"]["origin"] == ""
        journal = (await aggregator.get("/v1/journal")).json()["entries"]
        entry = next(each for each in journal if each["operation"] == "POST /v1/session")
        assert (entry["who"], entry["via"], entry["answer"]) == ("ada", "session", "200")
        after = entry["after"] if isinstance(entry["after"], dict) else json.loads(entry["after"])
        assert (after["user"], after["issuer"], after["role"]) == ("ada", provider.issuer, "admin")


REFUSED = {
    "mallory": (403, "no role of this site belongs to the groups of 'mallory' there: canteen"),
    "late": (401, "has expired: compare the clocks"),
    "astray": (401, "is for another client: compare client_id"),
    "replayed": (401, "answers another attempt to sign in"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_person_who_may_not_come_in_learns_why(provider, tmp_path, name):
    async with closed(tmp_path, settings_of(provider.issuer, tmp_path)) as aggregator:
        answer = await sign_in(aggregator, provider, name)
        status, text = REFUSED[name]
        assert answer.status_code == status and text in answer.json()["detail"]
        assert (await aggregator.get("/v1/site")).status_code == 401
        assert (await aggregator.get("/readyz")).status_code == 200


async def test_an_administrator_disables_a_person_of_the_provider_and_gives_no_password_or_role(provider, tmp_path):
    add_user(tmp_path, "root", Role.ADMIN)
    async with closed(tmp_path, settings_of(provider.issuer, tmp_path)) as aggregator:
        assert (await sign_in(aggregator, provider, "vera")).status_code == 200
        assert (await aggregator.get("/v1/site")).status_code == 200
        with open_directory(tmp_path, "") as directory:
            directory.put_user("vera", None, None, disabled=True)
        assert (await aggregator.get("/v1/site")).status_code == 401
        answer = await sign_in(aggregator, provider, "vera")
        assert answer.status_code == 403 and "has disabled the user" in answer.json()["detail"]
        assert (await sign_in(aggregator, provider, "ada")).status_code == 200
        for change in ({"password": "a long enough one"}, {"role": "admin"}):
            refused = await aggregator.client.put("/v1/users/vera", json=change)
            assert refused.status_code == 422 and f"come from {provider.issuer}" in refused.json()["detail"]
        by_password = await aggregator.client.post("/v1/session", json={"name": "vera", "password": ""})
        assert by_password.status_code == 401


async def test_a_name_that_a_user_with_a_password_has_is_not_taken_over(provider, tmp_path):
    add_user(tmp_path, "ada", Role.VIEWER)
    async with closed(tmp_path, settings_of(provider.issuer, tmp_path)) as aggregator:
        answer = await sign_in(aggregator, provider, "ada")
    assert answer.status_code == 403 and "a user with a password has this name" in answer.json()["detail"]


async def test_an_answer_counts_only_in_the_browser_that_began(provider, tmp_path):
    async with closed(tmp_path, settings_of(provider.issuer, tmp_path)) as aggregator:
        begun = await aggregator.get("/v1/session/oidc")
        found = parse_qs(urlsplit(await provider.answer(begun.json()["url"], "ada")).query)
        answer = {"code": found["code"][0], "state": found["state"][0]}
        forged = await aggregator.client.post("/v1/session", json=answer | {"state": "another"})
        assert forged.status_code == 401 and "belongs to another attempt" in forged.json()["detail"]
        aggregator.client.cookies.clear()
        stolen = await aggregator.client.post("/v1/session", json=answer)
        assert stolen.status_code == 401 and "this browser has not begun" in stolen.json()["detail"]
        begun = await aggregator.get("/v1/session/oidc")  # another attempt has another proof: PKCE
        state = parse_qs(urlsplit(begun.json()["url"]).query)["state"][0]
        injected = await aggregator.client.post("/v1/session", json={"code": answer["code"], "state": state})
        assert injected.status_code == 401 and "invalid_grant" in injected.json()["detail"]


async def test_a_wrong_secret_is_the_site_s_fault_and_said_so(provider, tmp_path):
    oidc = settings_of(provider.issuer, tmp_path, client_secret="wrong")
    async with closed(tmp_path, oidc) as aggregator:
        answer = await sign_in(aggregator, provider, "ada")
    assert answer.status_code == 503 and "compare client_id and client_secret" in answer.json()["detail"]


async def test_a_role_follows_the_provider_at_the_next_sign_in(provider, tmp_path):
    async with closed(tmp_path, settings_of(provider.issuer, tmp_path)) as aggregator:
        assert (await sign_in(aggregator, provider, "otto")).json()["role"] == "operator"
    promoted = settings_of(provider.issuer, tmp_path, roles=ROLES | {"mine-shift": "engineer"})
    async with closed(tmp_path, promoted) as aggregator:
        assert (await sign_in(aggregator, provider, "otto")).json()["role"] == "engineer"


async def test_a_session_of_the_provider_s_person_ends_at_its_time_however_busy(provider, tmp_path):
    oidc = settings_of(provider.issuer, tmp_path, session_hours=1 / 3600)
    async with closed(tmp_path, oidc) as aggregator:
        assert (await sign_in(aggregator, provider, "vera")).status_code == 200
        while (await aggregator.get("/v1/session")).status_code == 200:
            pass


async def test_a_provider_that_is_away_stops_nobody_else(tmp_path):
    add_user(tmp_path, "root", Role.ADMIN)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # nobody listens: connections are refused
        issuer = f"http://127.0.0.1:{held.getsockname()[1]}"
        async with closed(tmp_path, settings_of(issuer, tmp_path)) as aggregator:
            answer = await aggregator.get("/v1/session/oidc")
            assert answer.status_code == 503 and f"nobody can sign in by {issuer}" in answer.json()["detail"]
            named = {"name": "root", "password": "a long enough one"}
            assert (await aggregator.client.post("/v1/session", json=named)).status_code == 200
            assert (await aggregator.get("/readyz")).status_code == 200


async def test_davy_asks_no_host_but_the_issuer_s(tmp_path):
    """A provider whose configuration leads elsewhere, over a real socket."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self):
            own = f"http://127.0.0.1:{self.server.server_port}"
            places = {"authorization_endpoint": f"{own}/a", "token_endpoint": "http://169.254.169.254/token"}
            body = json.dumps({"issuer": own, "jwks_uri": f"{own}/keys"} | places).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        issuer = f"http://127.0.0.1:{server.server_port}"
        async with closed(tmp_path, settings_of(issuer, tmp_path)) as aggregator:
            state = parse_qs(urlsplit((await aggregator.get("/v1/session/oidc")).json()["url"]).query)["state"][0]
            answer = await aggregator.client.post("/v1/session", json={"code": "any", "state": state})
        server.shutdown()
    assert answer.status_code == 503 and "another host: http://169.254.169.254/token" in answer.json()["detail"]


async def test_an_aggregator_without_a_provider_offers_none(tmp_path):
    async with closed(tmp_path, OidcSettings()) as aggregator:
        assert (await aggregator.get("/v1/session/methods")).json() == {"oidc": ""}
        assert (await aggregator.get("/v1/session/oidc")).status_code == 404


async def test_over_https_no_other_host_can_plant_the_cookie_of_an_attempt(provider, tmp_path):
    proxy = ProxySettings(networks=("127.0.0.1/32",), secret="between proxy and davy")
    settings = make_settings(tmp_path, access="closed", oidc=settings_of(provider.issuer, tmp_path), proxy=proxy)
    sent = {"X-Davy-Proxy-Secret": "between proxy and davy", "X-Forwarded-Proto": "https"}
    async with running(settings, make_site()) as aggregator:
        begun = await aggregator.get("/v1/session/oidc", headers=sent)
    assert begun.headers["set-cookie"].startswith("__Host-davy-sign-in=")
    assert all(each in begun.headers["set-cookie"] for each in ("Secure", "HttpOnly", "Path=/;", "SameSite=strict"))
    assert "redirect_uri=https%3A%2F%2F127.0.0.1" in begun.json()["url"]


async def test_the_mine_s_own_authority_vouches_for_the_provider_where_the_settings_say_so(provider, tmp_path):
    identities = Identities.make(tmp_path)
    identities.write("aggregator/main")
    folder = identities.path("aggregator/main")
    port = urlsplit(provider.issuer).port
    with tls_front(port, folder / "cert.pem", folder / "key.pem") as secured:
        issuer = f"https://localhost:{secured}"
        for ca, reason in ((None, "CERTIFICATE_VERIFY_FAILED"), (folder / "ca.pem", "names the issuer")):
            found = OidcProvider(settings_of(issuer, tmp_path, ca=ca))
            with pytest.raises(IdentityProviderUnavailableError, match=reason):  # the second reads it: its issuer is another
                await found.begin(f"{issuer}/login")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
async def test_a_browser_goes_to_the_provider_and_back_to_the_page_that_was_asked_for(provider, tmp_path):
    from playwright.async_api import async_playwright

    async with closed(tmp_path, settings_of(provider.issuer, tmp_path)) as aggregator, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1280, "height": 760})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{aggregator.http}/users")
        await page.wait_for_selector("text=Sign in with Mine accounts")
        await picture(page, "login-provider")
        await page.click("#oidc")
        await page.fill("#id_username", "ada")
        await page.fill("#id_password", provider_fixture.PASSWORD)
        await page.click("#go")
        await page.wait_for_url("**/users")
        await page.wait_for_selector("#users .mark")
        await picture(page, "users-provider")
        assert await page.locator("#users select").count() == 0
        await page.click("text=Sign out")
        await page.wait_for_url("**/login?next=*")
        await page.goto(f"{aggregator.http}/login?code=stale&state=stale")
        await page.wait_for_selector("text=begin again")
        assert "code" not in page.url
        await page.goto(f"{aggregator.http}/login?error=access_denied")
        await page.wait_for_selector("text=was cancelled or refused")
        await browser.close()
    assert errors == []
