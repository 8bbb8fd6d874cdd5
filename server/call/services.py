"""The services of one call, opened before it begins and closed when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from audio.services import OnSpeech, SpeechToText, TextToSpeech, TurnJudge, VoiceActivity
from llm.service import LanguageModel


@dataclass(frozen=True, slots=True)
class CallServices:
    """Ears, model and voice of one call; and who judges its turns by their sound, if somebody does."""

    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech
    judge: TurnJudge | None = None

    def close(self) -> None:
        """Give back what they hold."""
        self.stt.close()
        self.tts.close()
        if self.judge:
            self.judge.close()


class Engines(Protocol):
    """What the process has: models loaded once, providers known."""

    @property
    def free(self) -> int:
        """How many more calls can be served."""

    def open(self) -> CallServices:
        """Services for one call. Raises Overloaded."""

    def open_vad(self, rate_hz: int, on_speech: OnSpeech) -> tuple[VoiceActivity, int]:
        """Voice activity detection for one call, and the rate that it takes."""
