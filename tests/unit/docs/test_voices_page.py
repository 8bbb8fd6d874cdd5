"""docs/voices.md: its voices are those of the code, its configurations make them, its numbers are the code's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from audio.tts import cache, espeak_ng
from audio.tts import openai as openai_wire
from audio.tts.delivery import Patience
from audio.tts.several import FallbackPatience
from link.breaker import BreakerOptions
from server.agent import Agent
from server.call.policy import Policy
from server.engines import make_engines
from server.services import cartesia, deepgram, elevenlabs, kokoro, openai, scripted, voices
from server.services.names import VOICES
from tests.unit.audio.tts.tiny_models import kokoro_voice, piper_voice
from tests.unit.docs import pages, stand
from tests.virtual.loop import run

PAGE = pages.read("voices.md")
ROWS = {pages.names(row[0])[0]: row[1:] for row in PAGE.table("`tts`", "runs", "needs", "rate", "times of words")}
KEYS = [each.PROVIDER.key_env for each in (elevenlabs, cartesia, deepgram)] + [openai.OVER_HTTP.key_env]


def test_every_voice_has_its_row() -> None:
    assert ROWS.keys() == VOICES.keys()


def test_the_rates_are_those_of_the_code() -> None:
    assert ROWS["espeak"][2] == f"{espeak_ng.RATE_HZ} Hz"
    assert ROWS["kokoro"][2] == f"{kokoro.RATE_HZ} Hz"
    assert ROWS["openai-tts"][2] == f"`rate_hz` ({openai_wire.RATE_HZ} Hz)"
    for name, options in (
        ("elevenlabs", elevenlabs.VoiceOptions("v", "m")),
        ("cartesia", cartesia.VoiceOptions("v", "m")),
        ("deepgram-tts", deepgram.VoiceOptions("m")),
    ):
        assert ROWS[name][2] == f"`rate_hz` ({options.rate_hz} Hz)"
    assert ROWS["scripted"][2] == f"`rate_hz` ({scripted.voice().open().rate_hz} Hz)"


@pytest.mark.parametrize("toml", PAGE.configurations)
def test_a_configuration_makes_its_voice(toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, "key-of-nobody")
    piper_voice(tmp_path)
    kokoro_voice(tmp_path)
    here = toml.replace("/voices/", f"{tmp_path}/").replace("/var/cache/voicewire", f"{tmp_path}/cache")

    async def start() -> None:
        make_engines(stand.settings_of(here, tmp_path), Agent(), asyncio.ensure_future)

    run(start())


def test_the_keys_are_those_of_the_code() -> None:
    assert ", ".join(f"`{name}`" for name in KEYS) in PAGE.words


def test_the_numbers_are_those_of_the_code() -> None:
    patience, several, breaker = Patience(), FallbackPatience(), BreakerOptions()
    shared_s = Policy().speech_first_s - voices.MARGIN_S
    for words in (
        f"no audio `first_audio_s` ({patience.first_audio_s:g} s) after it was asked, or none for"
        f" {patience.next_audio_s:g} s in the middle",
        f"After {patience.give_up_s:g} s without its first audio, or {patience.give_up_next_s:g} s without more",
        f"{voices.MARGIN_S:g} s before the call would (`policy.speech_first_s`, `policy.speech_next_s`)",
        f"has given nothing for `first_audio_s` ({shared_s:g} s divided by their number), or nothing more"
        f" for `next_audio_s` ({several.next_audio_s:g} s)",
        f"for `avoid_s` ({several.avoid_s:g} s)",
        f"One that fails {breaker.failures} times in {breaker.window_s:g} s",
        f"the first time after {breaker.open_s:g} s",
        f"up to {cache.MAX_BYTES >> 20} MiB",
    ):
        assert words in PAGE.words


def test_the_page_can_be_read_at_a_sitting() -> None:
    lines = PAGE.text.splitlines()
    assert len(lines) < 120
    assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == []
