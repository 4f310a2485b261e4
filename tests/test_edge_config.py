import pytest

from davy.domain.errors import InvalidInputError
from davy.edge_config import read_config, restore_secrets, to_plain, without_secrets
from davy.site import EdgeConfig


def config(source: str, **more) -> EdgeConfig:
    return EdgeConfig.model_validate({"cameras": {"face": {"source": source, **more}}})


KNOWN = config("rtsp://admin:s3cret@10.1.0.7/stream")


def test_a_password_is_not_shown_and_comes_back():
    shown = without_secrets(to_plain(KNOWN))
    assert shown["cameras"]["face"]["source"] == "rtsp://***@10.1.0.7/stream"
    shown["cameras"]["face"]["strength"] = 0.5
    assert restore_secrets(read_config(shown), KNOWN) == config("rtsp://admin:s3cret@10.1.0.7/stream", strength=0.5)


@pytest.mark.parametrize("source", ["rtsp://***@10.6.6.6/stream", "rtsp://***@10.1.0.7/other"])
def test_a_password_does_not_go_to_another_address(source):
    with pytest.raises(InvalidInputError, match=r"cameras\.face\.source"):
        restore_secrets(config(source), KNOWN)
    with pytest.raises(InvalidInputError, match=r"cameras\.face\.source"):
        restore_secrets(config("rtsp://***@10.1.0.7/stream"), None)


def test_a_source_that_is_written_whole_is_taken_as_it_is():
    assert (
        restore_secrets(config("rtsp://a:b@10.1.0.7/stream"), KNOWN).cameras["face"].source.get_secret_value()
        == "rtsp://a:b@10.1.0.7/stream"
    )


def test_what_is_no_configuration_shows_nothing():
    assert without_secrets({"cameras": "rtsp://admin:s3cret@x"}) == {}
    assert without_secrets({"cameras": {"face": "rtsp://admin:s3cret@x"}}) == {"cameras": {}}
