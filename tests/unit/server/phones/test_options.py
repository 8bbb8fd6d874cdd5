"""The carriers' tables: where they may stand, what is said of a wrong value, and that no value is ever shown."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from link.errors import ConfigError
from server.config import Settings, load
from server.phones.options import Phones

SECRET = "s3cret-that-nobody-sees"


def test_a_secret_may_stand_in_the_file_or_in_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "voicewire.toml"
    file.write_text('[phones.twilio]\nauth_token = "of the file"\naccount_sid = "AC1"')
    settings = load(file, {"VOICEWIRE_PHONES__TWILIO__AUTH_TOKEN": "of the environment"}, {})
    assert settings.phones.twilio.auth_token == "of the environment"
    assert settings.phones.twilio.account_sid == "AC1"


FAULTS = {
    "a line break": (
        'phones.twilio.auth_token = "s3cret-that-nobody-sees\\n"',
        "phones.twilio.auth_token holds a character that no key has",
    ),
    "an unknown carrier": ('phones.twillio.auth_token = "x"', "there is no key phones.twillio"),
    "an unknown key": ('phones.twilio.token = "x"', "there is no key phones.twilio.token"),
    "a number": ("phones.twilio.auth_token = 5", "phones.twilio.auth_token: expected `str`, got `int`"),
    "no base64": ('phones.telnyx.public_key = "s3cret-that-nobody-sees"', "public_key must be 32 bytes in base64"),
    "a short key": ('phones.telnyx.public_key = "AAAA"', "phones.telnyx.public_key must be 32 bytes in base64"),
    "no base64 either": ('phones.genesys.client_secret = "s3cret!"', "phones.genesys.client_secret must be base64"),
    "half a pair": ('phones.exotel.username = "u"', "phones.exotel.username and password belong together"),
    "the other half": ('phones.asterisk.password = "p"', "phones.asterisk.username and password belong together"),
    "a colon": (
        'phones.asterisk.username = "u:v"\nphones.asterisk.password = "s3cret-that-nobody-sees"',
        "phones.asterisk.username must not have a colon",
    ),
    "no address": ('phones.exotel.addresses = ["exotel.example.org"]', "phones.exotel.addresses must be like"),
    "half a network": ('phones.exotel.addresses = ["10.0.0.1/8"]', "phones.exotel.addresses must be like"),
}


@pytest.mark.parametrize(("toml", "text"), FAULTS.values(), ids=FAULTS)
def test_a_wrong_value_is_named_and_not_shown(tmp_path: Path, toml: str, text: str) -> None:
    file = tmp_path / "voicewire.toml"
    file.write_text(toml)
    with pytest.raises(ConfigError) as caught:
        load(file, {}, {})
    assert text in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_no_value_is_shown_when_settings_are_printed() -> None:
    tables = {
        name: {key: SECRET for key in msgspec.structs.asdict(table) if key != "addresses"}
        for name, table in msgspec.structs.asdict(Phones()).items()
        if name != "numbers"
    }
    settings = msgspec.convert({"phones": tables, "token": SECRET}, Settings)
    shown = f"{settings!r} {settings} {settings.phones!r} {settings.phones}"
    assert SECRET not in shown
    assert "Twilio(account_sid, auth_token, base_url)" in shown
