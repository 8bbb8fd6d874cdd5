"""The configuration: which source goes before which, and one sentence that names what is wrong and where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from link.errors import ConfigError
from server.config import Settings, load


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the TOML stands."""
    return tmp_path / "voicewire.toml"


def load_toml(
    file: Path, toml: str, environment: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """The settings of a TOML text, and perhaps of the other sources."""
    file.write_text(toml)
    return load(file, environment or {}, overrides or {})


def sentence(file: Path | None, environment: Mapping[str, str], overrides: Mapping[str, Any]) -> str:
    """What is said of a wrong configuration: one line."""
    with pytest.raises(ConfigError) as caught:
        load(file, environment, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- who goes before whom ---------------------------------------------------------------------------------------------


def test_without_any_source_there_are_the_defaults() -> None:
    assert load(None, {}, {}) == Settings()


def test_the_environment_goes_before_the_file_and_the_command_line_before_both(file: Path) -> None:
    toml = 'port = 1\nmax_calls = 11\ntoken = "of the file"'
    environment = {"VOICEWIRE_PORT": "2", "VOICEWIRE_MAX_CALLS": "12"}
    settings = load_toml(file, toml, environment, {"port": 3, "max_calls": None, "token": None})
    assert (settings.port, settings.max_calls, settings.token) == (3, 12, "of the file")


def test_a_table_is_overruled_key_by_key(file: Path) -> None:
    toml = "[turn]\nmin_delay_ms = 1\nmax_delay_ms = 2"
    turn = load_toml(file, toml, {"VOICEWIRE_TURN__MIN_DELAY_MS": "1.5"}).turn
    assert (turn.min_delay_ms, turn.max_delay_ms) == (1.5, 2.0)
    assert turn.unclear_ms == Settings().turn.unclear_ms


def test_a_service_is_overruled_as_a_whole(file: Path) -> None:
    """The options of one service mean nothing to another."""
    toml = 'tts = {name = "espeak", voice = "en-gb"}'
    assert load_toml(file, toml, {"VOICEWIRE_TTS": "scripted"}).tts == "scripted"
    environment = {"VOICEWIRE_TTS__NAME": "scripted", "VOICEWIRE_TTS__DELAY_MS": "5"}
    assert load_toml(file, toml, environment).tts == {"name": "scripted", "delay_ms": 5}


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("VOICEWIRE_HOST", "::1", "host", "::1"),
        ("VOICEWIRE_PORT", "0", "port", 0),
        ("VOICEWIRE_DRAIN_S", "2.5", "drain_s", 2.5),
        ("VOICEWIRE_LOG_JSON", "true", "log_json", True),
        ("VOICEWIRE_INSECURE", "0", "insecure", False),
        ("VOICEWIRE_TOKEN", "12345", "token", "12345"),
        ("VOICEWIRE_TOKEN", "[half", "token", "[half"),
        ("VOICEWIRE_TOKEN", "null", "token", "null"),
        ("VOICEWIRE_ORIGINS", '["https://a.org", "http://b.org:81"]', "origins", ("https://a.org", "http://b.org:81")),
        ("VOICEWIRE_LLM", '{name = "local", token_ms = 3}', "llm", {"name": "local", "token_ms": 3}),
        ("VOICEWIRE_STT", "scripted", "stt", "scripted"),
    ],
)
def test_a_variable_becomes_what_its_key_wants(name: str, text: str, key: str, value: object) -> None:
    assert getattr(load(None, {name: text}, {}), key) == value


def test_other_variables_are_left_alone() -> None:
    environment = {"PORT": "1", "VOICEWIREPORT": "1", "voicewire_port": "1", "VOICEWIRE_BRAIN_TOKEN": "of the brain"}
    assert load(None, environment, {}) == Settings()


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("prot = 1", "there is no key prot"),
        ("[trun]\nx = 1", "there is no key trun"),
        ("[turn]\nmin_delay = 1", "there is no key turn.min_delay"),
        ("[limits]\nport = 1", "there is no key limits.port"),
        ('port = "high"', "port: expected `int`, got `str`"),
        ("port = 80.5", "port: expected `int`, got `float`"),
        ("port = true", "port: expected `int`, got `bool`"),
        ("turn = 3", "turn: expected `object`, got `int`"),
        ("token = 3", "token: expected `str`, got `int`"),
        ('insecure = "perhaps"', "insecure: expected `bool`, got `str`"),
        ('origins = "https://a.org"', "origins: expected `array`, got `str`"),
        ("origins = [3]", "origins[0]: expected `str`, got `int`"),
        ("stt = 3", "stt: expected `str | object | null`, got `int`"),
        ('[turn]\nmin_delay_ms = "long"', "turn.min_delay_ms: expected `float`, got `str`"),
        ("port = -1", "port: must be zero or more, not -1"),
        ("drain_s = -0.5", "drain_s: must be zero or more, not -0.5"),
        ("[turn]\nmin_delay_ms = nan", "turn.min_delay_ms: must be zero or more, not nan"),
        ("[turn]\nmax_delay_ms = inf", "turn.max_delay_ms: must be zero or more, not inf"),
        ("[policy.while_speaking]\nmin_words = 0", "policy.while_speaking.min_words: must be above zero, not 0"),
        ("[policy.while_thinking]\ninterrupt_ms = 1", "there is no key policy.while_thinking.interrupt_ms"),
        ("[policy]\nmin_words = 2", "there is no key policy.min_words"),
        ("[limits]\ncommands = 0", "limits.commands: must be above zero, not 0"),
        (
            "[calls]\nfunction_call_timeout_secs = 0",
            "calls: function_call_timeout_secs must be above zero, not 0.0; `inf` means none",
        ),
        (
            "[calls]\nfunction_call_timeout_secs = nan",
            "calls: function_call_timeout_secs must be above zero, not nan; `inf` means none",
        ),
        (
            "[vad]\nthreshold_on = 0.2",
            "vad: threshold_off (0.35) and threshold_on (0.2) must lie between 0 and 1, threshold_off not above"
            " threshold_on",
        ),
        ("[vad]\nstart_ms = -1", "vad: start_ms (-1.0) and stop_ms (200) must not be negative"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_the_file(file: Path, toml: str, words: str) -> None:
    file.write_text(toml)
    assert sentence(file, {}, {}) == f"the configuration in {file} is wrong: {words}"


def test_what_is_wrong_in_the_file_is_told_although_the_command_line_overrules_it(file: Path) -> None:
    file.write_text('port = "high"')
    assert f"in {file} is wrong: port" in sentence(file, {"VOICEWIRE_PORT": "1"}, {"port": 2})


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("port = 80\n\nhost = ", "Invalid value"),
        ("port = 08", "at line 1, column 9"),
        ("[turn\n", "at line 1, column 6"),
        ("a = 1\nb = 2 3", "at line 2, column 7"),
        ("port = 1\nport = 2", "Cannot overwrite a value"),
    ],
)
def test_a_file_that_is_not_toml(file: Path, toml: str, words: str) -> None:
    file.write_text(toml)
    told = sentence(file, {}, {})
    assert told.startswith(f"the configuration file {file} is not TOML: ")
    assert words in told


def test_a_file_that_cannot_be_read(file: Path) -> None:
    assert sentence(file, {}, {}) == f"the configuration file {file} does not exist"
    file.mkdir()
    assert sentence(file, {}, {}) == f"the configuration file {file} cannot be read: Is a directory"


def test_a_file_that_is_not_text(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    assert sentence(file, {}, {}).startswith(f"the configuration file {file} is not TOML: 'utf-8' codec")


# --- the environment and the command line -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("VOICEWIRE_PROT", "1", "there is no key VOICEWIRE_PROT"),
        ("VOICEWIRE_TURN__MIN_DELAY", "1", "there is no key VOICEWIRE_TURN__MIN_DELAY"),
        ("VOICEWIRE_TRUN__MIN_DELAY_MS", "1", "there is no key VOICEWIRE_TRUN"),
        ("VOICEWIRE_", "1", "there is no key VOICEWIRE_"),
        ("VOICEWIRE_PORT", "high", "VOICEWIRE_PORT: expected `int`, got `str`"),
        ("VOICEWIRE_PORT", "", "VOICEWIRE_PORT: expected `int`, got `str`"),
        ("VOICEWIRE_PORT__X", "1", "VOICEWIRE_PORT: expected `int`, got `object`"),
        ("VOICEWIRE_LOG_JSON", "yes", "VOICEWIRE_LOG_JSON: expected `bool`, got `str`"),
        ("VOICEWIRE_ORIGINS", "https://a.org", "VOICEWIRE_ORIGINS: expected `array`, got `str`"),
        ("VOICEWIRE_TURN", "3", "VOICEWIRE_TURN: expected `object`, got `str`"),
        ("VOICEWIRE_MAX_CALLS", "-1", "VOICEWIRE_MAX_CALLS: must be zero or more, not -1"),
        (
            "VOICEWIRE_LIMITS__LEAD_MS",
            "nan",
            "VOICEWIRE_LIMITS__LEAD_MS: must be above zero, not nan",
        ),
    ],
)
def test_a_wrong_variable_is_named_as_it_is_written(name: str, text: str, words: str) -> None:
    assert sentence(None, {name: text}, {}) == f"the configuration in the environment is wrong: {words}"


@pytest.mark.parametrize("name", ["VOICEWIRE_STT__NAME", "VOICEWIRE_STT__A__B"])
def test_a_variable_that_is_a_value_and_a_table_at_once(name: str) -> None:
    told = sentence(None, {"VOICEWIRE_STT": "scripted", name: "x"}, {})
    assert told == f"{name} does not go together with VOICEWIRE_STT; set one of them"


def test_a_wrong_option_is_named_as_it_is_written() -> None:
    told = sentence(None, {}, {"max_calls": -5})
    assert told == "the configuration on the command line is wrong: --max-calls: must be zero or more, not -5"


# --- what no type can say ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("port = 65536", "port must be between 0 and 65535"),
        ("max_calls = 0", "max_calls must be at least 1"),
        ('tls_cert = "a.pem"', "tls_cert and tls_key belong together; give both"),
        ('tls_key = "a.pem"', "tls_cert and tls_key belong together; give both"),
        ("[turn]\nmin_delay_ms = 3001", "turn.min_delay_ms must not exceed turn.max_delay_ms"),
        ("[limits]\nlead_ms = 79", "limits.lead_ms must be at least 80: two of the smallest chunks"),
        ('public_url = "voice.example.org"', "public_url: 'voice.example.org' must be like https://voice.example.org"),
        (
            'origins = ["https://a.org", "https://b.org/path"]',
            "origins: 'https://b.org/path' must be like https://voice.example.org",
        ),
        ('origins = ["*"]', "origins: '*' must be like https://voice.example.org"),
        ('origins = ["https://A.org"]', "origins: 'https://A.org' must be like https://voice.example.org"),
    ],
)
def test_values_that_do_not_go_together(file: Path, toml: str, words: str) -> None:
    file.write_text(toml)
    assert sentence(file, {}, {}) == f"the configuration is wrong: {words}"


def test_two_sources_may_complete_each_other(file: Path) -> None:
    settings = load_toml(
        file,
        'tls_cert = "a.pem"\n[turn]\nmin_delay_ms = 4000',
        {"VOICEWIRE_TLS_KEY": "a.key", "VOICEWIRE_TURN__MAX_DELAY_MS": "5000"},
    )
    assert (settings.tls_cert, settings.tls_key, settings.turn.min_delay_ms) == ("a.pem", "a.key", 4000)


@pytest.mark.parametrize(
    "toml",
    [
        "port = 0",
        "drain_s = 0",
        "[turn]\nmin_delay_ms = 0",
        "[limits]\nlead_ms = 80",
        'public_url = "https://voice.example.org/"',
        'origins = ["http://[::1]:8080", "http://localhost"]',
    ],
)
def test_values_at_the_edge_are_taken(file: Path, toml: str) -> None:
    assert load_toml(file, toml) != Settings()
