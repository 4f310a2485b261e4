import pytest

from davy.access.roles import Role
from davy.adapters.access.credentials import Credentials, OpenDoor
from davy.adapters.access.links import Link, LinkAuthenticator, LinkSigner

SIGNER = LinkSigner(bytes(range(32)))
PATH = "/v1/cameras/north.face/whep"


def token_of(camera: str = "north.face", output: str = "whep", minutes: float = 1, signer: LinkSigner = SIGNER) -> str:
    return signer.sign(Link.of_minutes(camera, output, minutes))


async def name_of(link: str, path: str = PATH, **credentials):
    return await LinkAuthenticator(SIGNER, OpenDoor()).identify(Credentials(path=path, link=link, **credentials))


@pytest.mark.parametrize("path", [PATH, f"{PATH}/session-1"])
async def test_a_link_makes_its_holder_a_viewer_of_its_paths(path):
    principal = await name_of(token_of(), path)
    assert (principal.role, principal.via) == (Role.VIEWER, "link")
    assert await name_of("", path, token=token_of()) == principal


@pytest.mark.parametrize(
    "path",
    [
        "/v1/cameras/north.belt/whep",
        "/v1/cameras/north.face/live.m3u8",
        "/v1/cameras/north.face/links",
        "/v1/cameras/north.face/whep/../../north.belt/whep",
        "/v1/cameras",
        "/north.face",
        "/",
    ],
)
async def test_a_link_opens_no_other_path(path):
    assert await name_of(token_of(), path) is None


@pytest.mark.parametrize(
    "token",
    [
        token_of(minutes=-0.1),
        token_of(signer=LinkSigner(bytes(32))),
        token_of()[:-2] + "AA",
        "eyJhbGciOiJub25lIiwiZXhwIjo5OTk5OTk5OTk5fQ..",
        "eyJhbGciOiJub25lIiwiZXhwIjo5OTk5OTk5OTk5fQ..AAAA",
        "e30..AAAA",
        "A..A",
    ],
    ids=["expired", "another key", "another signature", "no algorithm", "no algorithm, signed", "no head", "no token"],
)
async def test_an_expired_or_forged_link_is_nobody(token):
    principal = await LinkAuthenticator(SIGNER, _Nobody()).identify(Credentials(link=token, path=PATH))
    assert principal is None


class _Nobody:
    async def identify(self, credentials):
        return None


async def test_what_is_no_link_is_left_to_the_others():
    assert (await name_of("", token="davy_1_x")).name == "owner"


def test_a_token_of_the_longest_camera_id_fits_into_a_player_s_password():
    assert len(token_of("e" * 64 + "." + "c" * 64, "rtsp")) <= 110


def test_the_key_is_made_once_and_private(tmp_path):
    path = tmp_path / "keys" / "links.key"
    token = token_of(signer=LinkSigner.of_file(path))
    assert LinkSigner.of_file(path).covers(token, PATH)
    assert path.stat().st_mode & 0o777 == 0o600
