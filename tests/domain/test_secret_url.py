"""A URL with a password shows itself redacted, however it is written out."""

import copy
import json
import pickle
import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from davy.domain.secret_url import SecretUrl, refuse_login
from davy.site import SiteConfig

URL = "rtsp://admin:s3cret@10.0.0.7/live?pin=s3cret"
SHOWN = "rtsp://***@10.0.0.7/live?***"
ROOT = Path(__file__).parents[2]
MAY_REVEAL = {  # besides the adapters
    "shared/davy/domain/secret_url.py": "makes one of another",
    "shared/davy/domain/source.py": "parses a camera's address; its text is hidden in a Source, too",
    "shared/davy/edge_config.py": "writes the configuration that an edge receives, and knows the password behind ***",
    "shared/davy/access/own_token.py": "makes the header of a call",
    "services/davy_edge/frames/capture.py": "hands a camera's address to its opener, which is an adapter",
    "services/davy_aggregator/rest/sessions.py": "hands what a person typed to the directory",
    "services/davy_aggregator/rest/users.py": "as above",
    "services/davy_aggregator/rest/edge_tasks.py": "hands what a person typed to the edge that is to try it",
    "services/davy_aggregator/outputs/webrtc.py": "hands the login of a TURN server to aiortc",
    "services/davy_cli/cameras.py": "prints addresses that cameras announce, which have no login",
    "services/davy_bench/load/cli.py": "hands the own token to the processes of the load",
    "services/davy_simulator/onvif.py": "compares the password of the simulated device",
    "shared/davy/client/connection.py": "makes the header of a call",
    "shared/davy/domain/alarm_targets.py": "checks the form of a webhook's secret",
}


class Holder(BaseModel):
    url: SecretUrl


@pytest.mark.parametrize("write", [str, repr, "{}".format, "%s".__mod__, lambda url: f"{url}", lambda url: f"{[url]!r}"])
def test_text_of_every_kind_is_redacted(write):
    assert "s3cret" not in write(SecretUrl(URL))
    assert "10.0.0.7/live" in write(SecretUrl(URL))


def test_a_model_shows_it_redacted_in_text_dump_json_and_copy():
    holder = Holder.model_validate({"url": URL})
    assert holder.model_dump(mode="json") == json.loads(holder.model_dump_json()) == {"url": SHOWN}
    for shown in (holder, holder.model_dump(), holder.model_copy(deep=True), copy.deepcopy(holder.url)):
        assert "s3cret" not in f"{shown} {shown!r}"
    assert holder.url.get_secret_value() == URL


def test_it_cannot_be_pickled():
    for each in (SecretUrl(URL), Holder(url=SecretUrl(URL))):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(each)


def test_two_are_equal_if_their_passwords_are():
    assert SecretUrl(URL) == SecretUrl.of(URL) == SecretUrl.of(SecretUrl(URL))
    assert SecretUrl(URL) != SecretUrl(URL.replace("s3cret", "other"))


def test_the_error_of_a_site_shows_no_value():
    values = {"site": "demo", "broker": "amqp://u:s3cret@h", "edges": {"a": {"cameras": {"c": {"source": 7, "key": "s3cret"}}}}}
    with pytest.raises(ValidationError) as error:
        SiteConfig.model_validate(values)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("url", ["http://u:s3cret@h:8080", "http://h:8080/?token=s3cret", "http://h:8080/#s3cret"])
def test_an_address_that_may_be_shown_cannot_hold_a_secret(url):
    with pytest.raises(ValueError, match="no user, password or query") as error:
        refuse_login(url)
    assert "s3cret" not in str(error.value)


def test_only_adapters_read_a_secret():
    """A new place that reads one is named here with its reason, or better moves into an adapter."""
    found = {
        str(path.relative_to(ROOT))
        for folder in ("shared", "services")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"get_secret_value|_secret_value", path.read_text(encoding="utf-8"))
    }
    assert {path for path in found if "/adapters/" not in path} == set(MAY_REVEAL)
