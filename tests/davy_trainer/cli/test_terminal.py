import signal

import pytest
import typer

from davy_trainer.cli.terminal import parse_numbers, parse_settings, progress_bar, stopping
from davy_trainer.stages.iterate import AllSettings
from davy_trainer.stages.settings import EnhanceSettings


def test_words_become_settings_json_where_they_can_be():
    words = ["steps=3", "clip=davy:random", "replay.batch=2", 'group_weights={"lol": 2}']
    wanted = {"steps": 3, "clip": "davy:random", "replay": {"batch": 2}, "group_weights": {"lol": 2}}
    assert parse_settings(words, EnhanceSettings) == wanted


def test_a_stage_has_its_own_table():
    assert parse_settings(["enhance.steps=3", "enhance.batch=2"], AllSettings) == {"enhance": {"steps": 3, "batch": 2}}


def test_an_unknown_setting_is_an_error_with_the_known_ones():
    with pytest.raises(typer.BadParameter, match=r"'lr' is not a setting: .*low"):
        parse_settings(["lr=1"], EnhanceSettings)


def test_numbers_are_read_by_group():
    assert parse_numbers(["lol=0.5", "bsds500=2"]) == {"lol": 0.5, "bsds500": 2.0}
    with pytest.raises(typer.BadParameter, match="GROUP=NUMBER"):
        parse_numbers(["lol"])


def test_the_first_signal_asks_to_stop_and_the_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with stopping() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGTERM)
        assert stop()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL  # the second kills
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_bar_takes_a_total_that_becomes_known(capsys):
    with progress_bar("pair", {"loss": "loss {:.2f}"}) as advance:
        advance(1, None, {})
        advance(2, 4, {"loss": 0.5, "luma": 0.1})
    assert "loss 0.50" in capsys.readouterr().err
