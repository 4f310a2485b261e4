import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from davy.domain.errors import ConfigError, IdentityRefusedError, InvalidIdentityError
from davy.identity import Authority, Identity, check_peer, make_request, revoked_serials

WEST = Identity.parse("davy://demo/edge/west")
AGGREGATOR = Identity.parse("davy://demo/aggregator/main")


def openssl_verdict(folder, credentials, purpose):
    for name, text in (("cert", credentials.cert), ("ca", credentials.ca), ("crl", credentials.crl)):
        (folder / f"{name}.pem").write_bytes(text)
    arguments = [
        "-purpose",
        purpose,
        "-x509_strict",
        "-crl_check",
        "-CAfile",
        folder / "ca.pem",
        "-CRLfile",
        folder / "crl.pem",
    ]
    found = subprocess.run(["openssl", "verify", *arguments, folder / "cert.pem"], capture_output=True, text=True, timeout=20)
    return found.stdout + found.stderr


def test_openssl_accepts_a_certificate_for_what_it_is_for_only(authority, tmp_path):
    assert "OK" in openssl_verdict(tmp_path, authority.issue(WEST), "sslclient")
    assert "purpose" in openssl_verdict(tmp_path, authority.issue(WEST), "sslserver")
    assert "OK" in openssl_verdict(tmp_path, authority.issue(AGGREGATOR), "sslserver")


def test_a_certificate_carries_its_identity_and_the_names_of_a_server(authority):
    made = authority.issue(AGGREGATOR, ["aggregator.mine.example", "10.0.0.5"])
    names = made.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert made.identity == AGGREGATOR
    assert names.get_values_for_type(x509.DNSName) == ["aggregator.mine.example"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.5"]


def test_a_certificate_lasts_thirty_days_and_its_authority_ten_years(authority):
    now = datetime.now(UTC)
    assert abs(authority.issue(WEST).certificate.not_valid_after_utc - now - timedelta(days=30)) < timedelta(minutes=1)
    assert authority.certificate.not_valid_after_utc - now > timedelta(days=3652)


@pytest.mark.parametrize("name", ["", "-a", "a b", "*.mine", "a" * 300, "https://a"])
def test_a_name_that_is_no_host_is_refused(authority, name):
    with pytest.raises(InvalidIdentityError, match="neither a DNS name nor an IP"):
        authority.issue(AGGREGATOR, [name])


def test_an_identity_of_another_site_is_refused(authority):
    with pytest.raises(InvalidIdentityError, match="authority of site demo"):
        authority.issue(Identity.parse("davy://other/edge/west"))


def test_the_names_of_a_request_are_ignored_and_a_tampered_one_is_refused(authority):
    _, request = make_request()
    made = x509.load_pem_x509_certificate(authority.sign(request, WEST))
    assert Identity.of_certificate(made) == WEST
    body = request.index(b"\n") + 1
    for place in range(body, len(request) - 40, 16):
        with pytest.raises(InvalidIdentityError):
            authority.sign(request[:place] + b"zzzz" + request[place + 4 :], WEST)


def test_a_revoked_certificate_is_refused_by_openssl_and_by_davy(authority, tmp_path):
    first, second = authority.issue(WEST), authority.issue(WEST)
    assert [each.serial_number for each in authority.revoke(WEST, first.certificate.serial_number)] == [
        first.certificate.serial_number
    ]
    revoked = revoked_serials(authority.crl, authority.ca)
    with pytest.raises(IdentityRefusedError, match="revoked"):
        check_peer(first.certificate, revoked)
    assert check_peer(second.certificate, revoked) == WEST
    assert "revoked" in openssl_verdict(tmp_path, replace(first, crl=authority.crl), "any")


def test_lists_of_revocations_within_one_second_follow_each_other(authority):
    times = []
    for name in ("a", "b", "c"):
        edge = Identity.parse(f"davy://demo/edge/{name}")
        authority.issue(edge)
        authority.revoke(edge)
        times.append(x509.load_pem_x509_crl(authority.crl).last_update_utc)
    assert times == sorted(set(times))
    assert len(x509.load_pem_x509_crl(authority.crl)) == 3


def test_a_list_of_revocations_by_somebody_else_is_refused(authority, tmp_path):
    other = Authority.create(tmp_path / "other", "demo")
    with pytest.raises(ConfigError, match="not signed by the site's authority"):
        revoked_serials(other.crl, authority.ca)


def test_an_expired_certificate_is_refused(authority):
    certificate = authority.issue(WEST, days=1).certificate
    with pytest.raises(IdentityRefusedError, match="expired at"):
        check_peer(certificate, (), datetime.now(UTC) + timedelta(days=2))


def test_renewal_keeps_identity_names_and_days(authority):
    first = authority.issue(AGGREGATOR, ["aggregator.mine.example"], days=7)
    renewed = x509.load_pem_x509_certificate(authority.renew(make_request()[1], first.certificate))
    assert Identity.of_certificate(renewed) == AGGREGATOR
    assert renewed.serial_number != first.certificate.serial_number
    assert authority.read().find(renewed.serial_number).names == ("aggregator.mine.example",)
    assert renewed.not_valid_after_utc - datetime.now(UTC) < timedelta(days=7, minutes=1)


def test_the_authoritys_key_is_for_its_user_only_encrypted_and_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.setenv("DAVY_CA_PASSPHRASE", "correct horse")
    folder = tmp_path / "ca"
    Authority.create(folder, "demo")
    assert stat.S_IMODE((folder / "ca-key.pem").stat().st_mode) == 0o600
    assert b"ENCRYPTED" in (folder / "ca-key.pem").read_bytes()
    with pytest.raises(ConfigError, match="already holds an authority"):
        Authority.create(folder, "demo")
    monkeypatch.setenv("DAVY_CA_PASSPHRASE", "wrong")
    with pytest.raises(ConfigError, match="another passphrase"):
        Authority.open(folder)


def test_a_folder_without_an_authority_names_the_command_that_makes_one(tmp_path):
    with pytest.raises(ConfigError, match="davy identity init"):
        Authority.open(tmp_path)
