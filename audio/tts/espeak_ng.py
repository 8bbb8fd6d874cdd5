"""espeak-ng through ctypes: text in, PCM and the times of its words out, in a callback. For a child process only.

The library is GPL-3 and has one global synthesizer. It comes with its data in the package `espeakng-loader` and is
loaded when a `Synthesizer` is made, not when this module is imported. Names and numbers are those of its public header
`speak_lib.h` (1.52).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from link.errors import ConfigError

RATE_HZ = 22050  # of every voice in the package

_SYNCHRONOUS = 2  # espeak_Synth returns when all is said; the callback runs in the same thread
_DONT_EXIT = 0x8000  # without its data it must not end the process
_UTF8 = 1
_BLOCK_MS = 60  # of audio in one callback; it is made in some 0.05 ms
_END, _WORD = 0, 1  # event types
_RATE, _VOLUME, _PITCH = 1, 2, 3  # parameters
_MAX_PATH = 160  # the library cuts a longer data path off


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),  # a priority byte and a name, for each language
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class SpokenWord(Struct, frozen=True):
    """A word begins: at `position` in the text (characters from 0), `ms` after the text's first sample."""

    position: int
    ms: int


OnBlock = Callable[[bytes, list[SpokenWord]], bool]
"""Takes the next PCM16 and the words that begin in it. False ends the speech."""

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class Synthesizer:
    """The one synthesizer of a process. `language` is what its voice speaks ("en-us")."""

    def __init__(self, voice: str, rate_wpm: int, pitch: int, volume: int) -> None:
        """Raises ConfigError where the package is missing or there is no such voice."""
        self._library, path = _load()
        self._on_block: OnBlock = lambda _pcm, _words: True
        self._error: BaseException | None = None
        self._callback = _Callback(self._block)  # kept: the library holds only its address
        if self._library.espeak_Initialize(_SYNCHRONOUS, _BLOCK_MS, path, _DONT_EXIT) != RATE_HZ:
            raise ConfigError("tts: espeak-ng cannot read its data; install the package espeakng-loader again")
        self._library.espeak_SetSynthCallback(self._callback)
        self.language = self._set_voice(voice, Path(path.decode()) / "voices" / "!v")
        for parameter, value in ((_RATE, rate_wpm), (_PITCH, pitch), (_VOLUME, volume)):
            self._library.espeak_SetParameter(parameter, value, 0)

    def speak(self, text: str, on_block: OnBlock) -> None:
        """Say a text; returns when all of it was given to `on_block`, or when that returned False."""
        self._on_block, self._error = on_block, None
        data = text.encode(errors="replace") + b"\0"
        self._library.espeak_Synth(data, len(data), 0, 0, 0, _UTF8, None, None)
        if self._error is not None:
            raise self._error

    def _block(self, wave: int | None, samples: int, events: Any) -> int:
        """0: go on, 1: stop. An exception cannot pass through C, so it is kept for `speak`."""
        try:
            pcm = ctypes.string_at(wave, 2 * samples) if wave else b""
            return 0 if self._on_block(pcm, _words(events)) else 1
        except BaseException as error:  # the caller of `speak` gets it
            self._error = error
            return 1

    def _set_voice(self, voice: str, variants: Path) -> str:
        """Choose by language, or by a voice's own name, with or without a variant ("en-gb+f3"); its language."""
        name, _, variant = voice.partition("+")
        languages = self._languages()
        if variant and not (variants / variant).is_file():
            raise ConfigError(
                f"tts: espeak-ng has no voice variant {variant!r} (of {voice!r}); m1 to m7 and f1 to f4 are some"
            )
        full = languages.get(name.lower(), name) + (f"+{variant}" if variant else "")
        if not name or self._library.espeak_SetVoiceByName(full.encode()) != 0:
            some = ", ".join(sorted(languages, key=lambda each: (not each.startswith("en"), each)))
            raise ConfigError(f"tts: espeak-ng has no voice {voice!r}; it has {some}")
        return _language(self._library.espeak_GetCurrentVoice().contents)

    def _languages(self) -> dict[str, str]:
        """The languages that it speaks, each with the name by which its voice is loaded."""
        found: dict[str, str] = {}
        index = 0
        voices = self._library.espeak_ListVoices(None)
        while voices[index]:
            each = voices[index].contents
            found.setdefault(_language(each).lower(), each.identifier.decode())
            index += 1
        return found


def _load() -> tuple[ctypes.CDLL, bytes]:
    """The library, with the types of what is used of it, and the path of its data."""
    try:
        import espeakng_loader

        library = ctypes.CDLL(espeakng_loader.get_library_path())
        path = espeakng_loader.get_data_path().encode()
    except (ImportError, OSError, RuntimeError) as error:
        raise ConfigError(
            f'tts: the voice "espeak" needs the package espeakng-loader (pip install espeakng-loader): {error}'
        ) from error
    if len(path) >= _MAX_PATH:
        raise ConfigError(f"tts: espeak-ng cannot use a data path of {_MAX_PATH} bytes or more; move {path.decode()}")
    library.espeak_Initialize.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int)
    library.espeak_SetVoiceByName.argtypes = (ctypes.c_char_p,)
    library.espeak_SetSynthCallback.argtypes = (_Callback,)
    library.espeak_SetSynthCallback.restype = None
    library.espeak_SetParameter.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int)
    library.espeak_GetCurrentVoice.restype = ctypes.POINTER(_Voice)
    library.espeak_ListVoices.argtypes = (ctypes.POINTER(_Voice),)
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    library.espeak_Synth.argtypes = (
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
        ctypes.POINTER(ctypes.c_uint), ctypes.c_void_p,
    )  # fmt: skip
    return library, path


def _language(voice: _Voice) -> str:
    return bytes(voice.languages or b"\0")[1:].decode(errors="replace")


def _words(events: Any) -> list[SpokenWord]:
    words, index = [], 0
    while (event := events[index]).type != _END:
        if event.type == _WORD:
            words.append(SpokenWord(event.text_position - 1, event.audio_position))
        index += 1
    return words
