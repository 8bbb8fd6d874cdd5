"""docs/ears.md: its ears are those of the code, its configurations make them, its numbers are the code's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from audio.endpoint import TurnOptions
from audio.stt import kept_audio, moonshine, utterances
from audio.stt.fallback import FallbackOptions
from audio.stt.faster_whisper import WhisperOptions
from audio.stt.hearing import Patience
from audio.stt.local import LocalOptions
from link.breaker import BreakerOptions
from server.agent import Agent
from server.call.media import PREROLL_MS
from server.engines import make_engines
from server.services import deepgram, ears, openai
from server.services.names import EARS
from tests.unit.docs import pages, stand
from tests.virtual.loop import run

PAGE = pages.read("ears.md")
TITLES = ("`stt`", "runs", "needs", "partials", "times of words", "confidence", "language", "terms of the agent")
ROWS = {pages.names(row[0])[0]: row[1:] for row in PAGE.table(*TITLES)}
KEYS = (deepgram.PROVIDER.key_env, openai.OVER_HTTP.key_env)


def test_every_ears_have_their_row() -> None:
    assert ROWS.keys() == EARS.keys()


def test_the_options_of_the_table_are_there() -> None:
    whisper = WhisperOptions("m")
    assert ROWS["faster-whisper"][3] == f"with `words` ({'on' if whisper.words else 'off'})"
    options = {
        "faster-whisper": (whisper, LocalOptions()),
        "moonshine": (LocalOptions(),),
        "deepgram": (deepgram.NovaOptions("m"),),
        "deepgram-flux": (deepgram.FluxOptions("m"),),
        "openai-stt": (openai.TranscriptionOptions("m"),),
        "openai-realtime-stt": (openai.RealtimeOptions("m"),),
    }
    for name, tables in options.items():
        for named in [each for cell in ROWS[name][2:] for each in pages.names(cell)]:
            assert any(hasattr(table, named) for table in tables), (name, named)


@pytest.mark.parametrize("toml", PAGE.configurations)
def test_a_configuration_makes_its_ears(toml: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.setenv(name, "key-of-nobody")

    async def start() -> None:
        engines = make_engines(stand.settings_of(toml, tmp_path), Agent(vocabulary=["hello"]), asyncio.ensure_future)
        assert engines.stt.free >= 0

    run(start())


def test_the_keys_and_files_are_those_of_the_code() -> None:
    assert ", ".join(f"`{name}`" for name in KEYS) in PAGE.words
    assert f"with `{moonshine.ENCODER}`, `{moonshine.DECODER}`" in PAGE.words


def test_the_numbers_are_those_of_the_code() -> None:
    patience, waits, several, breaker = Patience(), utterances.Waits(), FallbackOptions(), BreakerOptions()
    for words in (
        f"gives the ears {PREROLL_MS:g} ms of what was before",
        f"What is longer than {utterances.PIECE_S:g} s is cut",
        f"`slots` ({LocalOptions().slots}) is how many",
        f"`turn.final_timeout_ms` ({TurnOptions().final_timeout_ms:g} ms after",
        f"is kept, {kept_audio.KEPT_S:g} s of it",
        f"says nothing for `final_s` ({patience.final_s:g} s)",
        f"a handshake has {ears.CONNECT_S:g} s",
        f"stays away for `link_s` ({patience.link_s:g} s)",
        f"answered within `attempt_s` ({waits.attempt_s:g} s)",
        f"until `final_s` ({waits.final_s:g} s) after the end",
        f"of at most {ears.MAX_TERM_WORDS} words, the first {ears.MAX_TERMS} of them and of {ears.MAX_TERM_CHARS} char",
        f"no final `final_s` ({several.final_s:g} s) after",
        f"for `avoid_s` ({several.avoid_s:g} s) in that call",
        f"fail {breaker.failures} times in {breaker.window_s:g} s",
        f"the first time after {breaker.open_s:g} s",
    ):
        assert words in PAGE.words, words
