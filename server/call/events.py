"""Facts and commands of a call that are neither sound nor language, and what observers are told."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from audio.events import (
    HeardAgain,
    Played,
    Queued,
    SpeechFailed,
    SpeechLost,
    SpeechStarted,
    SpeechStopped,
    Synthesised,
    Transcript,
    TurnHint,
    TurnJudged,
)
from llm import events as model
from llm.events import Outcome, ToolDone, ToolUpdate
from llm.items import Item
from server.call import line_events as line
from server.call.model_events import (
    CompletionTimeout,
    EarlyAnswer,
    ReplyMetrics,
    Summarised,
    SummaryFailed,
    Truncated,
)
from server.call.policy import CallSettings

# --- facts --------------------------------------------------------------------------------------------------------


class Ready(Struct, frozen=True, tag=True):
    """Caller and services are there; the conversation begins."""


class UserText(Struct, frozen=True, tag=True):
    """The caller typed. `skip_tts`: they want to read the answer."""

    text: str
    skip_tts: bool = False


class Append(Struct, frozen=True, tag=True):
    """The application adds a message. `ask`: the model is to answer it; `skip_tts`: to be read only."""

    item: Item
    ask: bool = False
    skip_tts: bool = False


class Rewrite(Struct, frozen=True, tag=True):
    """The application makes these the conversation; what is being said or called stays after them."""

    items: tuple[Item, ...]


class Dtmf(Struct, frozen=True, tag=True):
    """The caller pressed keys."""

    digits: str


class Say(Struct, frozen=True, tag=True):
    """The application has something to say."""

    text: str
    interruptible: bool = True


class Send(Struct, frozen=True, tag=True):
    """The application has a message for the client, in its place among the speech. `payload` is JSON."""

    payload: str
    interruptible: bool = True


class Interrupt(Struct, frozen=True, tag=True):
    """The client or the application asks the bot to stop talking."""


class Muted(Struct, frozen=True, tag=True):
    """The caller switched the microphone off or on."""

    on: bool
    key: bool = False
    """With a key that is held to talk."""


class Configure(Struct, frozen=True, tag=True):
    """New settings, from now on."""

    settings: CallSettings


class Tick(Struct, frozen=True, tag=True):
    """The instant came that `deadline()` named."""


class HangUp(Struct, frozen=True, tag=True):
    """We end the call, once what was said is heard."""

    reason: str


class Gone(Struct, frozen=True, tag=True):
    """The caller's connection is closed, or has to be closed at once with `code`."""

    reason: str
    code: int = 1000


Fact = (
    SpeechStarted
    | SpeechStopped
    | Transcript
    | TurnHint
    | TurnJudged
    | SpeechLost
    | HeardAgain
    | Queued
    | Synthesised
    | SpeechFailed
    | Played
    | model.Fact
    | ToolUpdate
    | ToolDone
    | Ready
    | UserText
    | Append
    | Rewrite
    | Dtmf
    | Say
    | Send
    | Interrupt
    | Muted
    | Configure
    | Tick
    | HangUp
    | line.Fact
    | Gone
)

# --- what observers, the client and the agent's handlers are told ---------------------------------------------------


class UserSpeech(Struct, frozen=True, tag=True):
    """The caller's voice came on or went off."""

    on: bool


class UserTranscript(Struct, frozen=True, tag=True):
    """What was understood of the caller's turn so far; `final` closes it (empty: it was nothing)."""

    text: str
    final: bool


class UserTurn(Struct, frozen=True, tag=True):
    """The caller's turn is over; an answer is owed. `voiced_until`: the last voiced sample, None for typed turns."""

    text: str
    voiced_until: float | None = None


class NotHeard(Struct, frozen=True, tag=True):
    """The caller spoke while they were not to be heard; `text` is what was understood of it."""

    text: str


class Backchannel(Struct, frozen=True, tag=True):
    """The caller showed that they listen ("uh-huh"), or said less than counts: no turn of theirs; the bot goes on."""

    text: str


class BotSpeech(Struct, frozen=True, tag=True):
    """The bot begins or ends to be heard."""

    on: bool


class AssistantTranscript(Struct, frozen=True, tag=True):
    """What was heard of the bot's message so far; `final` closes it (empty: nothing was heard)."""

    text: str
    final: bool


class AssistantTurn(Struct, frozen=True, tag=True):
    """A message of the bot is over; `text` is what was heard."""

    text: str


class ToolStarted(Struct, frozen=True, tag=True):
    """A tool begins to run."""

    call_id: str
    name: str
    arguments: str


class ToolUpdated(Struct, frozen=True, tag=True):
    """An async tool has an intermediate result."""

    call_id: str
    name: str
    result: str


class ToolFinished(Struct, frozen=True, tag=True):
    """A tool has its one final result."""

    call_id: str
    name: str
    outcome: Outcome
    result: str


class CallInfo(Struct, frozen=True):
    """A function call, as events tell of it."""

    call_id: str
    name: str
    arguments: str


class FunctionCallsStarted(Struct, frozen=True, tag=True):
    """Calls of the model are about to run."""

    calls: tuple[CallInfo, ...]


class FunctionCallsCancelled(Struct, frozen=True, tag=True):
    """Calls of the model were cancelled, before they ran or while they did."""

    calls: tuple[CallInfo, ...]


class LinkFailed(Struct, frozen=True, tag=True):
    """The link to the language model is lost, or could not be made. `fatal`: trying again cannot help."""

    reason: str
    fatal: bool


class Interrupted(Struct, frozen=True, tag=True):
    """The caller made the bot stop. What it had to say is lost only once their turn proves to be one."""


class Filler(Struct, frozen=True, tag=True):
    """The caller, who waits for a tool, is told to wait; the log does not have it."""

    text: str


class FalseInterruption(Struct, frozen=True, tag=True):
    """What made the bot stop was nothing: it goes on where it stopped, in the middle of the word."""


class LinkChanged(Struct, frozen=True, tag=True):
    """The link to the language model."""

    state: Literal["up", "reconnecting", "down"]


class Keys(Struct, frozen=True, tag=True):
    """The caller pressed keys."""

    digits: str


class Idle(Struct, frozen=True, tag=True):
    """Nobody has said anything for a while, for the first, second or third time in a row."""

    times: int = 1


class Problem(Struct, frozen=True, tag=True):
    """Something failed. `fatal`: the call ends for it."""

    code: str
    message: str
    fatal: bool = False


class CallStarted(Struct, frozen=True, tag=True):
    """The conversation begins."""


class CallEnded(Struct, frozen=True, tag=True):
    """The call is over."""

    reason: str


Event = (
    UserSpeech
    | UserTranscript
    | UserTurn
    | Backchannel
    | NotHeard
    | EarlyAnswer
    | BotSpeech
    | AssistantTranscript
    | AssistantTurn
    | ToolStarted
    | ToolUpdated
    | ToolFinished
    | FunctionCallsStarted
    | FunctionCallsCancelled
    | ReplyMetrics
    | Summarised
    | SummaryFailed
    | Truncated
    | CompletionTimeout
    | LinkFailed
    | Interrupted
    | FalseInterruption
    | Filler
    | LinkChanged
    | Keys
    | line.AnsweredBy
    | Idle
    | Problem
    | CallStarted
    | CallEnded
)

# --- commands -------------------------------------------------------------------------------------------------------


class Speak(Struct, frozen=True, tag=True):
    """Synthesise the text of a frame."""

    frame: int
    text: str


class Flush(Struct, frozen=True, tag=True):
    """Tell the client to drop what it has not played."""


class Hold(Struct, frozen=True, tag=True):
    """Tell the client to stop playing and keep what it has, if it can."""


class Resume(Struct, frozen=True, tag=True):
    """Tell the client to play on."""


class RunTool(Struct, frozen=True, tag=True):
    """Run a tool; exactly one ToolDone comes of it, unless it is cancelled."""

    call_id: str
    name: str
    arguments: str


class CancelTool(Struct, frozen=True, tag=True):
    """Cancel a running tool; its result is recorded already."""

    call_id: str


class Notify(Struct, frozen=True, tag=True):
    """Tell observers, the client and the agent's handlers."""

    event: Event


class End(Struct, frozen=True, tag=True):
    """Close the connection and release everything."""

    reason: str
    code: int = 1000


Command = model.Command | Speak | Flush | Hold | Resume | RunTool | CancelTool | line.Command | Notify | End
