"""How a call behaves: the numbers and the sentences, with one default each. Pure.

Milliseconds for what the caller feels, seconds for what waits on a machine.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from audio.endpoint import TurnOptions
from llm.events import ModelSettings
from llm.function_calls import CallOptions, ToolSpec
from llm.items import Item
from llm.summary import SummaryOptions
from llm.turn_completion import TurnCompletionOptions
from server.call.backchannels import BACKCHANNELS, IMPATIENCE

Mute = Literal["first_words", "tool", "speaking", "protected"]


class WhileSpeaking(Struct, frozen=True, forbid_unknown_fields=True):
    """Barge-in while the bot speaks."""

    min_words: int = 1
    """A turn of fewer words is none, and the bot goes on; over what nobody may interrupt, one word is a turn."""
    interrupt_ms: float = 500.0
    """So long a sound without words is an interruption, until it proves to be nothing."""
    backchannels: tuple[str, ...] = BACKCHANNELS
    """What is no turn of the caller; none: everything is one."""
    backchannel_rest_ms: float = 1500.0
    """With less than this left to say, that or fewer words may be an answer all the same."""


class WhileThinking(Struct, frozen=True, forbid_unknown_fields=True):
    """Barge-in while the bot thinks, and the caller hears nothing."""

    min_words: int = 1
    """A turn of fewer words is none, and the answer is still thought of."""
    backchannels: tuple[str, ...] = BACKCHANNELS
    """What is no turn of the caller; none: everything is one."""


class WhileWaiting(Struct, frozen=True, forbid_unknown_fields=True):
    """Barge-in while the bot waits for a tool, and the caller hears nothing."""

    min_words: int = 1
    """A turn of fewer words is none, and no tool is cancelled."""
    backchannels: tuple[str, ...] = (*BACKCHANNELS, *IMPATIENCE)
    """What is no turn of the caller; none: everything is one."""


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """When the bot yields, waits, asks again and gives up."""

    while_speaking: WhileSpeaking = WhileSpeaking()
    while_thinking: WhileThinking = WhileThinking()
    while_waiting: WhileWaiting = WhileWaiting()
    mute: tuple[Mute, ...] = ()
    """When the caller is not heard: until the bot's first words were spoken (`first_words`), while a tool runs that the
    model waits for (`tool`), while the bot speaks (`speaking`) or says what nobody may interrupt (`protected`)."""
    early_start: Literal["off", "llm", "llm+tts"] = "off"
    """Whether the model is asked at the first pause, and its answer held until the turn is over; and whether the voice
    speaks its beginning ahead too (docs/turns.md)."""
    early_pieces: int = 2
    """So many pieces of it, of at most 300 characters each, are spoken ahead."""
    resume_ms: float = 300.0
    """A hold without words ends so long after the last voiced sample."""
    idle_ms: float = 15_000.0
    """A caller who is silent for so long is asked whether they are there (`sentences.idle`)."""
    idle_again_ms: float = 15_000.0
    """So much later they are asked again (`sentences.idle_again`)."""
    idle_goodbye_ms: float = 30_000.0
    """So much later the call ends (`sentences.idle_goodbye`; without such a sentence it does not)."""
    filler_ms: float = 2_500.0
    """A caller who hears nothing for so long while a tool runs is told to wait (`sentences.fillers`)."""
    filler_again_ms: float = 6_000.0
    """So long after the one before, the next is said."""
    keys_ms: float = 2_000.0
    """Pressed keys are a turn after so long without another, or at `#`."""
    first_output_s: float = 6.0
    """A model that says nothing for so long after it was asked has stalled."""
    next_output_s: float = 4.0
    """The same between two outputs of an answer."""
    give_up_s: float = 30.0
    """An answer that is owed for so long is apologised for."""
    max_attempts: int = 4
    """So many refused, empty or stalled replies in a row are enough."""
    retry_pause_s: float = 0.25
    """After a refusal the model is asked again so much later, then twice as much; later where the provider says so."""
    max_rounds: int = 16
    """So many replies to results of tools in a row, without a turn of the caller, are enough."""
    speech_first_s: float = 3.0
    """A voice that gives no audio for so long has lost its frame."""
    speech_next_s: float = 2.0
    """The same within a frame."""
    speak_ahead: int = 8
    """Pieces that the voice has at once; the rest waits here, where a barge-in costs nothing."""
    ending_s: float = 20.0
    """A call that ends closes after so long without another of its last words being heard."""
    max_call_s: float = 3600.0
    """The longest call."""
    max_frames: int = 512
    """So many sentences and messages may wait; more are dropped and told."""
    max_answer_bytes: int = 32 * 1024
    """The longest answer."""


class Sentences(Struct, frozen=True, forbid_unknown_fields=True):
    """What the call says to the caller and to the model by itself. An empty sentence is not said."""

    apology: str = "I am sorry, I cannot answer right now. Please try again in a moment."
    """To the caller, when an answer does not come."""
    fatal: str = "I am sorry, something is wrong on our side. Goodbye."
    """To the caller, when the model refuses this server; the call ends."""
    idle: str = "Are you still there?"
    """To a caller who says nothing."""
    idle_again: str = "I am still here. Just say something when you are ready."
    """To one who goes on saying nothing."""
    idle_goodbye: str = "I cannot hear you, so I will hang up now. Goodbye."
    """To one who still says nothing; the call ends."""
    fillers: tuple[str, ...] = ()
    """To one who waits for a tool, one after the other, each once in a wait; none: nothing is said."""
    too_long: str = "I am sorry, our time is up. Goodbye."
    """To a caller whose time is up."""
    go_on: str = (
        "The line broke while you were speaking. The caller has heard everything up to the end of your last message."
        " Continue exactly where it stops, without repeating or introducing anything."
    )
    """To the model, when an answer broke off."""
    and_then: str = "After that, tell the caller the results of background functions that they have not heard yet."
    """To the model as well, when such results came meanwhile."""
    more_calls: str = (
        "The line broke after a function call of yours. If you meant to call other functions as well, call them now:"
        " only those that stand above were called."
    )
    """To the model, when an answer broke off after a call."""
    new_result: str = (
        "A function that you called before your last words has its result now. Tell the caller what is new in it,"
        " without repeating anything."
    )
    """To the model, when a result came after it had spoken about others."""
    unanswered: str = (
        "What stands last was said by the application. The caller has not been answered yet: answer them now."
    )
    """To the model, when the application spoke after the caller did."""
    unclear: str = "The caller said something that was not understood. Say so and ask them to repeat it."
    """To the model, when nothing was understood."""


class CallSettings(Struct, frozen=True):
    """What the agent decides of a call."""

    instructions: str = ""
    greeting: str = ""
    tools: tuple[ToolSpec, ...] = ()
    policy: Policy = Policy()
    turn: TurnOptions = TurnOptions()
    calls: CallOptions = CallOptions()
    sentences: Sentences = Sentences()
    model: ModelSettings = ModelSettings()
    summary: SummaryOptions = SummaryOptions()
    turn_completion: TurnCompletionOptions = TurnCompletionOptions()
    context: tuple[Item, ...] = ()
    """Messages that stand in the log from the beginning."""
    skip_tts: bool = False
    """Answers are to be read, not heard."""
