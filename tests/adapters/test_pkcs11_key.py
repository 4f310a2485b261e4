"""A key in a PKCS#11 module, SoftHSM: it signs a candidate, and an edge that trusts its public half opens the model."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.fixtures.candidates import candidate

from davy.adapters.pkcs11_key import KeyUri, open_key, public_key
from davy.domain.errors import ConfigError
from davy.models import KeySet, open_package
from davy_cli.main import main

MODULE = next(iter(sorted(Path("/usr/lib").rglob("libsofthsm2.so"))), None)
EDWARDS_25519 = bytes.fromhex("130c656477617264733235353139")  # PrintableString "edwards25519", PKCS#11 3.0, 2.3.5
pytestmark = pytest.mark.skipif(
    MODULE is None or shutil.which("softhsm2-util") is None, reason="needs SoftHSM (Debian: softhsm2)"
)


@pytest.fixture(scope="module")
def uri(tmp_path_factory) -> str:
    """A token "davy" with an Ed25519 key pair "models" and the PIN 1234. The module reads its place once per process."""
    pkcs11 = pytest.importorskip("pkcs11")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "conf")
    words = ["softhsm2-util", "--init-token", "--free", "--label", "davy", "--pin", "1234", "--so-pin", "12345678"]
    subprocess.run(words, check=True, capture_output=True)
    with pkcs11.lib(str(MODULE)).get_token(token_label="davy").open(rw=True, user_pin="1234") as session:
        curve = {pkcs11.Attribute.EC_PARAMS: EDWARDS_25519}
        parameters = session.create_domain_parameters(pkcs11.KeyType.EC_EDWARDS, curve, local=True)
        mechanism = pkcs11.Mechanism.EC_EDWARDS_KEY_PAIR_GEN
        parameters.generate_keypair(mechanism=mechanism, store=True, label="models")
    return f"pkcs11:token=davy;object=models?module-path={MODULE}"


def test_a_key_of_a_module_signs_and_an_edge_that_trusts_it_opens_the_model(uri, tmp_path, monkeypatch, capsys):
    (tmp_path / "pin").write_text("1234\n")
    (tmp_path / "it.candidate.zip").write_bytes(candidate().data)

    def davy(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["davy", *words])
        return main(), "".join(capsys.readouterr())

    assert davy("keys", "trust", uri, "--folder", str(tmp_path))[0] == 0
    signing = ("models", "sign", str(tmp_path / "it.candidate.zip"), "--key", uri, "--out", str(tmp_path / "it.zip"))
    status, printed = davy(*signing, "--passphrase-file", str(tmp_path / "pin"))
    assert status == 0, printed
    trust = KeySet.load(tmp_path / "trust.json")
    package = open_package((tmp_path / "it.zip").read_bytes(), trust, datetime.now(UTC))
    assert (package.id, package.signature.key) == (candidate().id, trust.keys[0].id)
    (tmp_path / "pin").write_text("4321\n")
    status, printed = davy(*signing, "--passphrase-file", str(tmp_path / "pin"))
    assert (status, "PKCS#11" in printed) == (1, True), printed


def test_what_is_not_there_is_named(uri):
    for wrong, text in (
        (uri.replace("token=davy", "token=other"), "token 'other'"),
        (uri.replace("object=models", "object=other"), "no public Ed25519 key 'other'"),
        (f"{uri}x", "cannot be opened"),
    ):
        with pytest.raises(ConfigError, match=text):
            public_key(KeyUri.parse(wrong))
    with pytest.raises(ConfigError, match="no private"), open_key(KeyUri.parse(uri.replace("=models", "=x")), "1234"):
        pass


@pytest.mark.parametrize("text", ["pkcs11:", "pkcs11:token=a;object=b", "pkcs11:token=a?module-path=/m.so", "token=a"])
def test_a_uri_of_another_form_is_refused(text):
    with pytest.raises(ConfigError, match="write pkcs11:token=NAME;object=NAME"):
        KeyUri.parse(text)


def test_labels_may_be_percent_encoded():
    found = KeyUri.parse("pkcs11:token=Davy%20key;object=models?module-path=/usr/lib/m.so")
    assert found == KeyUri("Davy key", "models", "/usr/lib/m.so")
