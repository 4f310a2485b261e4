import hashlib
import ssl
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError
from tests.fixtures.cameras import jpeg_of, levels_of, mjpeg_server, rtsp_server, write_video
from tests.fixtures.identities import Identities, self_signed
from tests.fixtures.tls_front import tls_front

from davy.adapters.camera import open_source
from davy.domain.errors import CameraUnavailableError
from davy.domain.ports import SourceOptions
from davy.identity import Identity, write_credentials
from davy.site import CameraConfig

pytestmark = pytest.mark.system

OPTIONS = SourceOptions(fps=25, timeout_s=5)


@contextmanager
def plain_camera(scheme, tmp_path):
    if scheme == "https":
        with mjpeg_server(jpeg_of, fps=20) as url:
            yield urlsplit(url)
    else:
        with rtsp_server(write_video(tmp_path / "film.mp4", frames=250)) as (url, _):
            yield urlsplit(url)


@contextmanager
def camera(scheme, tmp_path, folder):
    """A camera over https or rtsps with the certificate of a folder."""
    with plain_camera(scheme, tmp_path) as plain, tls_front(plain.port, folder / "cert.pem", folder / "key.pem") as port:
        yield f"{scheme}://localhost:{port}{plain.path}{'?tcp' if scheme == 'rtsps' else ''}"


def fingerprint(folder) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert((folder / "cert.pem").read_text())).hexdigest()


def shows_pictures(url, options) -> bool:
    source = open_source(url, options)
    try:
        return len(levels_of(source, 3)) == 3
    finally:
        source.close()


@pytest.fixture
def by_the_site(tmp_path):
    """A camera's certificate of the site's authority, and options that trust it."""
    identities = Identities.make(tmp_path / "site")
    identities.write("simulator/camera")
    folder = identities.path("simulator/camera")
    return folder, replace(OPTIONS, ca_file=folder / "ca.pem")


@pytest.fixture
def by_itself(tmp_path):
    self_signed(tmp_path / "self", "davy://demo/simulator/camera")
    return tmp_path / "self"


@pytest.mark.parametrize("scheme", ["https", "rtsps"])
def test_a_camera_of_the_sites_authority_is_shown(scheme, by_the_site, tmp_path):
    folder, options = by_the_site
    with camera(scheme, tmp_path, folder) as url:
        assert shows_pictures(url, options)


@pytest.mark.parametrize("scheme", ["https", "rtsps"])
def test_a41_a_camera_of_an_unknown_authority_is_refused_with_what_to_do(scheme, by_the_site, tmp_path):
    folder, _ = by_the_site
    refused = pytest.raises(CameraUnavailableError, match=r"certificate is refused: .*sha256:FINGERPRINT")
    with camera(scheme, tmp_path, folder) as url, refused:
        open_source(url, OPTIONS)


@pytest.mark.parametrize("scheme", ["https", "rtsps"])
def test_a41_a_camera_of_another_name_is_refused(scheme, tmp_path):
    identities = Identities.make(tmp_path / "site")
    folder, identity = tmp_path / "elsewhere", Identity.parse("davy://demo/simulator/camera")
    write_credentials(folder, identities.authority.issue(identity, ["elsewhere.example"]))
    options = replace(OPTIONS, ca_file=folder / "ca.pem")
    with camera(scheme, tmp_path, folder) as url, pytest.raises(CameraUnavailableError, match="certificate is refused"):
        open_source(url, options)


@pytest.mark.parametrize("scheme", ["https", "rtsps"])
def test_a41_a_pinned_camera_that_signed_for_itself_is_shown_and_another_one_refused(scheme, by_itself, tmp_path):
    with camera(scheme, tmp_path, by_itself) as url:
        assert shows_pictures(url, replace(OPTIONS, tls=f"sha256:{fingerprint(by_itself)}"))
        with pytest.raises(CameraUnavailableError, match="not the pinned one"):
            open_source(url, replace(OPTIONS, tls=f"sha256:{'0' * 64}"))


@pytest.mark.parametrize("scheme", ["https", "rtsps"])
def test_an_insecure_camera_is_shown_whatever_its_certificate(scheme, by_itself, tmp_path):
    with camera(scheme, tmp_path, by_itself) as url:
        assert shows_pictures(url, replace(OPTIONS, tls="insecure"))


def test_the_setting_is_verify_by_default_and_takes_a_fingerprint_as_openssl_prints_it():
    assert CameraConfig(source="rtsps://camera/1").tls == "verify"
    printed = ":".join(["AB"] * 32)
    assert CameraConfig(source="rtsps://camera/1", tls=f"sha256:{printed}").tls == f"sha256:{printed}"
    for wrong in ("", "none", "sha256:", "sha256:abc", "sha1:" + "ab" * 20):
        with pytest.raises(ValidationError):
            CameraConfig(source="rtsps://camera/1", tls=wrong)
