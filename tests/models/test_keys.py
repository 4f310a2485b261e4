import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from davy.domain.errors import ConfigError, ModelRefusedError
from davy.models import Cause, KeySet, SigningKey
from davy.models.keys import key_id, newest_valid

NOW = datetime.now(UTC)


def test_a_key_is_written_once_and_only_its_owner_can_read_it(tmp_path):
    key, path = SigningKey.generate(), tmp_path / "keys" / "a.pem"
    key.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey.load(path).id == key.id == key_id(key.public)
    with pytest.raises(FileExistsError):
        SigningKey.generate().save(path)


def test_a_passphrase_locks_the_key(tmp_path):
    SigningKey.generate().save(tmp_path / "a.pem", b"lamp")
    assert SigningKey.load(tmp_path / "a.pem", b"lamp")
    for wrong in (None, b"other"):
        with pytest.raises(ConfigError, match="passphrase"):
            SigningKey.load(tmp_path / "a.pem", wrong)


def test_a_key_set_survives_its_file_and_knows_its_date(tmp_path):
    key = SigningKey.generate()
    KeySet().with_key(key.trusted(30, "site")).save(tmp_path / "trust.json")
    found = KeySet.load(tmp_path / "trust.json")
    assert [known.id for known in found.keys] == [key.id]
    assert abs(found.updated - datetime.now(UTC)) < timedelta(minutes=5)  # NOW is of when the suite began
    assert KeySet.load(tmp_path / "absent.json").keys == ()


@pytest.mark.parametrize("text", ["", "[]", '{"keys": [{"id": "x"}]}', '{"other": 1}'])
def test_a_damaged_key_set_is_a_clear_error(tmp_path, text):
    (tmp_path / "trust.json").write_text(text)
    with pytest.raises(ConfigError, match="davy keys"):
        KeySet.load(tmp_path / "trust.json")


def test_an_id_that_is_not_the_key_s_own_is_refused(tmp_path):
    known = json.loads(KeySet().with_key(SigningKey.generate().trusted(1)).model_dump_json())
    known["keys"][0]["id"] = "0" * 16
    (tmp_path / "trust.json").write_text(json.dumps(known))
    with pytest.raises(ConfigError, match="not the id"):
        KeySet.load(tmp_path / "trust.json")


def test_f13_a_clock_that_is_behind_brings_no_expired_key_back():
    key = SigningKey.generate()
    trust = KeySet(updated=NOW).with_key(key.trusted(10, starts=NOW - timedelta(days=20)))
    dead_battery = datetime(1970, 1, 1, tzinfo=UTC)
    assert trust.now() >= NOW
    assert trust.now(dead_battery, NOW + timedelta(days=400)) == NOW + timedelta(days=400)  # the newest model ever admitted
    with pytest.raises(ModelRefusedError) as caught:
        trust.verify(b"x", key.sign(b"x"), trust.now(dead_battery))
    assert caught.value.cause == Cause.KEY_EXPIRED
    assert "clock" in caught.value.reason


def test_a_signature_holds_for_its_own_bytes_only():
    key = SigningKey.generate()
    trust = KeySet().with_key(key.trusted(10))
    trust.verify(b"x", key.sign(b"x"), NOW)
    with pytest.raises(ModelRefusedError) as caught:
        trust.verify(b"y", key.sign(b"x"), NOW)
    assert caught.value.cause == Cause.SIGNATURE


def test_a_key_is_found_by_the_start_of_its_id():
    keys = [SigningKey.generate() for _ in range(2)]
    trust = KeySet().with_key(keys[0].trusted(1)).with_key(keys[1].trusted(2))
    assert trust.find(keys[0].id[:8]).id == keys[0].id
    for unclear in ("", "zz"):
        with pytest.raises(ConfigError, match="known keys"):
            trust.find(unclear)
    assert newest_valid(trust.keys, NOW).id == keys[1].id
