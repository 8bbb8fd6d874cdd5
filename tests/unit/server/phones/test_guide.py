"""`voicewire phone`: what it says for each carrier, and when it is content."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from link.errors import ClientError
from server.__main__ import main
from server.phones.guide import STEPS, faults, steps
from server.phones.options import Phones
from server.protocols.asterisk import FORMATS, AsteriskWire

URL = "https://voice.example.org"
COMPLETE = {
    "twilio": 'account_sid = "AC1"\nauth_token = "t"',
    "telnyx": f'public_key = "{"A" * 43}="\napi_key = "k"',
    "plivo": 'auth_id = "MA1"\nauth_token = "t"',
    "exotel": 'username = "u"\npassword = "p"',
    "vonage": 'signature_secret = "s"\napplication_id = "a"\nprivate_key = "k.pem"',
    "genesys": 'api_key = "k"\nclient_secret = "c2VjcmV0"',
    "asterisk": 'username = "u"\npassword = "p"',
}


@pytest.mark.parametrize("carrier", STEPS)
def test_the_values_to_paste_have_the_address(carrier: str) -> None:
    text = "\n".join(steps(carrier, f"{URL}/"))
    assert not re.search(r"(?<!\$)\{", text), "Asterisk has braces of its own: ${EXTEN}"
    assert "voice.example.org/" in text
    assert "org//" not in text


@pytest.mark.parametrize("carrier", STEPS)
def test_the_steps_are_numbered(carrier: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["phone", carrier, "--url", URL])
    numbers = [int(each) for each in re.findall(r"^ ?(\d+)\. ", capsys.readouterr().out, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 1


@pytest.mark.parametrize("carrier", STEPS)
def test_a_complete_configuration_is_one(carrier: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "voicewire.toml"
    file.write_text(f'public_url = "{URL}"\n[phones.{carrier}]\n{COMPLETE[carrier]}\n')
    assert main(["phone", carrier, "--config", str(file)]) == 0
    assert "complete" in capsys.readouterr().out


@pytest.mark.parametrize("carrier", STEPS)
def test_what_is_missing_is_named(carrier: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phone", carrier, "--url", URL]) == 1
    out = capsys.readouterr().out
    for key in (line.split(" = ")[0] for line in COMPLETE[carrier].splitlines()):
        assert f"! phones.{carrier}.{key} is not set" in out
    assert "public_url" not in out, "it is given as --url"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "public_url is not set"),
        ("http://voice.example.org", "is not https"),
        ("https://localhost:8080", "leads to this machine"),
        ("https://127.0.0.1", "leads to this machine"),
        ("https://[::1]", "leads to this machine"),
        ("https://192.168.1.7", "leads to this machine"),
        ("https://server", "leads to this machine"),
        ("https://voice.example.org/agent", "the paths are ours"),
        ("wss://voice.example.org", "must begin with https://"),
        ("https://", "must be an address"),
    ],
)
def test_an_address_where_no_carrier_comes_is_named(url: str, words: str) -> None:
    assert any(words in each for each in faults(url, Phones(), "asterisk", []))


@pytest.mark.parametrize("url", [URL, f"{URL}:8443", "https://203.0.114.7"])
def test_an_address_in_the_open_is_good(url: str) -> None:
    assert list(faults(url, Phones(), "asterisk", [])) == []


def test_asterisk_is_told_to_speak_json() -> None:
    text = "\n".join(steps("asterisk", URL))
    with pytest.raises(ClientError, match=re.escape("add f(json)")):
        AsteriskWire().receive("MEDIA_START connection_id:c")
    codec, form = re.findall(r"Dial\(WebSocket/voicewire/c\((\w+)\)f\((\w+)\)\)", text)[0]
    assert codec in FORMATS
    assert form == "json"
    assert re.findall(r"Set\(__(\w+)=", text) == ["CALLER", "CALLED"], "what the wire reads"
