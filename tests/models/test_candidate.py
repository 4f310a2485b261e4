"""Candidates: the id stays, the signature comes from a person, and nothing loads them before."""

from datetime import UTC, datetime

import pytest
from tests.fixtures.candidates import candidate

from davy.domain.errors import ModelRefusedError
from davy.models import Cause, KeySet, Signature, SigningKey, open_candidate, open_package
from davy.models.archive import zip_exact
from davy.models.manifest import SIGNED_PREFIX

NOW = datetime.now(UTC)


def test_what_was_proposed_is_what_is_opened():
    opened = open_candidate(candidate().data)
    assert (opened.id, opened.sha256) == (candidate().id, candidate().sha256)
    assert opened.card == "# A report"
    assert opened.load().model == opened.manifest.frame_id


@pytest.mark.proves("P5")
def test_an_edge_refuses_a_candidate_whatever_keys_it_trusts(trust):
    for keys in (trust, KeySet()):
        with pytest.raises(ModelRefusedError) as refused:
            open_package(candidate().data, keys, NOW)
        assert refused.value.cause == Cause.UNSIGNED


def test_signing_keeps_the_model_s_id_and_an_edge_that_trusts_the_key_opens_it(key, trust):
    package = candidate().sign(key)
    assert package.id == candidate().id
    assert open_package(package.data, trust, NOW).manifest == candidate().manifest


def test_a_signature_by_a_key_that_the_edge_does_not_trust_is_refused(trust):
    with pytest.raises(ModelRefusedError) as refused:
        open_package(candidate().sign(SigningKey.generate()).data, trust, NOW)
    assert refused.value.cause == Cause.FOREIGN_KEY


def test_a_signed_package_and_an_altered_one_are_no_candidates(package):
    with pytest.raises(ModelRefusedError, match="signature already"):
        open_candidate(package.data)
    files = dict(candidate().files)
    for name, data in (("card.md", b"# Another"), ("manifest.json", files["manifest.json"][:-1])):
        with pytest.raises(ModelRefusedError):
            open_candidate(zip_exact(files | {name: data}))
    without = {name: data for name, data in files.items() if name != "manifest.json"}
    with pytest.raises(ModelRefusedError, match=r"manifest\.json is missing"):
        open_candidate(zip_exact(without))


def test_anything_with_an_id_and_a_signature_can_sign(key, trust):
    class Token:
        """A key that never leaves its module."""

        id = key.id

        def sign(self, manifest: bytes, prefix: bytes = SIGNED_PREFIX) -> Signature:
            return key.sign(manifest, prefix)

    assert open_package(candidate().sign(Token()).data, trust, NOW).id == candidate().id
