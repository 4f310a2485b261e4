"""From a candidate to a signed model as it is typed: `davy models candidates`, `fetch`, `sign`, `add`, `reject`."""

import asyncio
import shutil
import sys
from collections.abc import Callable

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running
from tests.fixtures.candidates import candidate

from davy.adapters.storage.candidate_registry import Proposal
from davy.adapters.storage.model_registry import ModelRegistry
from davy.models import KeySet, SigningKey
from davy.models.keyring import TRUST, make_key
from davy_cli.main import main

pytestmark = pytest.mark.system

Davy = Callable[..., tuple[int, str, str]]


@pytest.fixture
def davy(monkeypatch, capsys, tmp_path) -> Davy:
    """Runs `davy models` as typed, in a folder of its own; returns the exit status and what it printed."""
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    for name in ("DAVY_KEYS", "DAVY_REGISTRY", "DAVY_KEY_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["davy", "models", *map(str, arguments)])
        status = main()
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def key(tmp_path):
    """An offline key with the passphrase "lamp" in a file."""
    (tmp_path / "phrase").write_text("lamp\n")
    made = make_key(tmp_path / "offline", 365, "offline", b"lamp")
    return tmp_path / "offline" / f"{made.id}.pem"


@pytest.fixture
def site(tmp_path, key):
    """A registry with one candidate; its keys are the public half of the offline key."""
    keys = tmp_path / "site" / "keys"
    keys.mkdir(parents=True)
    shutil.copy(key.parent / TRUST, keys / TRUST)
    registry = ModelRegistry(str(tmp_path / "site" / "models"), keys / TRUST)
    registry.candidates.propose(candidate().data, Proposal(by="trainer", cause="drift of north.face"))
    return tmp_path / "site"


def test_a_candidate_is_carried_to_a_machine_without_network_signed_there_and_added(davy, site, key, tmp_path):
    registry = ("--registry", site / "models")
    assert "drift of north.face" in davy("candidates", *registry)[1]
    assert davy("fetch", candidate().id[:8], *registry)[0] == 0
    fetched = tmp_path / "desk" / f"{candidate().manifest.frame_id}.candidate.zip"
    assert fetched.read_bytes() == candidate().data
    assert davy("add", fetched, *registry, "--keys", site / "keys")[2].count("unsigned") == 1
    status, printed, error = davy("sign", fetched, "--key", key, "--passphrase-file", tmp_path / "phrase")
    assert status == 0, error
    assert "golden vectors  match" in printed
    assert "# A report" in printed
    signed = tmp_path / "desk" / f"{candidate().manifest.frame_id}.zip"
    assert davy("add", signed, *registry, "--keys", site / "keys")[0] == 0
    assert davy("candidates", *registry)[1] == ""
    (entry,) = ModelRegistry(str(site / "models"), KeySet.load(site / "keys" / TRUST)).entries()
    assert (entry.id, entry.key) == (candidate().id, key.stem)


def test_a_candidate_of_the_registry_is_signed_and_added_at_once(davy, site, key, tmp_path):
    given = ("--registry", site / "models", "--keys", site / "keys", "--passphrase-file", tmp_path / "phrase")
    status, printed, error = davy("sign", candidate().id, "--key", key, *given)
    assert (status, "added to" in printed) == (0, True), error
    assert ModelRegistry(str(site / "models"), KeySet.load(site / "keys" / TRUST)).get(candidate().id).key == key.stem


def test_a_candidate_is_compared_with_a_model_by_name_and_by_file(davy, site, key, tmp_path):
    from davy.adapters.media import jpeg
    from davy.models.golden import make_inputs

    (tmp_path / "dark").mkdir()
    (tmp_path / "dark" / "a.jpg").write_bytes(jpeg.encode(make_inputs()[0]))
    given = ("--registry", site / "models", "--keys", site / "keys")
    (tmp_path / "it.candidate.zip").write_bytes(candidate().data)
    (tmp_path / "signed.zip").write_bytes(candidate("c2").sign(SigningKey.load(key, b"lamp")).data)
    for one, two in ((candidate().id[:8], tmp_path / "it.candidate.zip"), (tmp_path / "signed.zip", candidate().id)):
        status, printed, error = davy("compare", one, two, "--images", tmp_path / "dark", "--out", tmp_path / "s.jpg", *given)
        assert (status, "val-psnr-db" in printed) == (0, True), error
        assert jpeg.decode((tmp_path / "s.jpg").read_bytes()).shape == (64, 3 * 96, 3)


def test_usage_errors_name_the_remedy(davy, site, key, tmp_path):
    registry = ("--registry", site / "models", "--keys", site / "keys")
    (tmp_path / "wrong").write_text("candle\n")
    (tmp_path / "empty").write_text("\n")
    for arguments, text in (
        (("sign", candidate().id, "--key", key, "--passphrase-file", tmp_path / "wrong", *registry), "another passphrase"),
        (("sign", candidate().id, "--key", key, "--passphrase-file", tmp_path / "empty", *registry), "first line is empty"),
        (("sign", candidate().id, "--key", tmp_path / "none.pem", *registry), "davy keys new"),
        (("sign", "0" * 64, "--key", key, *registry), "no such candidate"),
        (("show", candidate().id, *registry), "davy models sign"),
        (("show", "x", "--registry", "http://127.0.0.1:9"), "is an aggregator"),
        (("candidates", "--registry", "http://127.0.0.1:9"), "no aggregator"),
    ):
        status, _, error = davy(*arguments)
        assert (status, text in error) == (1, True), error


def test_a_passphrase_is_read_from_standard_input_where_there_is_no_terminal(davy, site, key, monkeypatch):
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("lamp\n"))
    assert davy("sign", candidate().id, "--key", key, "--registry", site / "models", "--keys", site / "keys")[0] == 0


def test_a_rejected_candidate_is_gone(davy, site):
    assert davy("reject", candidate().id, "--registry", site / "models")[0] == 0
    assert davy("candidates", "--registry", site / "models")[1] == ""


async def test_the_same_through_an_aggregator(davy, site, key, tmp_path):
    settings = make_settings(tmp_path / "data", registry=f"file://{site}/models", trust=site / "keys" / TRUST)
    async with running(settings, make_site()) as aggregator:
        registry = ("--registry", aggregator.http)
        assert "drift of north.face" in (await asyncio.to_thread(davy, "candidates", *registry))[1]
        assert (await asyncio.to_thread(davy, "fetch", candidate().id, "--out", "it.candidate.zip", *registry))[0] == 0
        signing = ("sign", "it.candidate.zip", "--key", key, "--passphrase-file", tmp_path / "phrase", "--out", "it.zip")
        assert (await asyncio.to_thread(davy, *signing))[0] == 0
        status, printed, error = await asyncio.to_thread(davy, "add", "it.zip", "--tag", "winter", *registry)
        assert status == 0, error
        assert f"signed by {key.stem}" in printed
        assert (await aggregator.get("/v1/models/winter")).json()["model"]["id"] == candidate().id
        assert (await aggregator.get("/v1/candidates")).json()["candidates"] == []
