"""The thin shell of a call: it owns every task of it, and carries out the core's commands.

| task                        | reads      | writes              | ends                                  |
|-----------------------------|------------|---------------------|---------------------------------------|
| reader (the handler itself) | socket     | ears, facts         | the socket closes                     |
| writer                      | outbox     | socket              | the last message is out, or deadline  |
| stt, llm, tts               | own inbox  | facts, playout      | cancelled                             |
| tool tasks                  | -          | one ToolDone each   | done, or cancelled                    |
| handlers, if there are any  | events     | -                   | the last event was handled            |

At the end all that still run are cancelled. Who does not obey within LEAVE_S is left behind, and named in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from loguru import logger

from audio.echo import EchoGuard
from audio.events import SpeechFailed, Synthesised
from audio.playout import Playout
from audio.services import Begin, Finish, Utterance
from link.errors import ClientError
from link.inbox import Inbox, InboxFull
from llm import events as model
from server.call import events as e
from server.call.background import Background, Waits
from server.call.core import Core
from server.call.guard import Guard
from server.call.handle import CallHandle
from server.call.handlers import Handlers
from server.call.hub import Hub
from server.call.line import Line
from server.call.line_events import PlayDigits, Redirect
from server.call.loudspeaker import Loudspeaker, playout_options
from server.call.media import EarSide, VoiceSide
from server.call.reader import Reader
from server.call.shared import Greeting, Shared, Socket
from server.call.tasks import Tasks
from server.call.toolbox import Toolbox
from server.call.writer import Writer
from server.observers.latency import LatencyObserver
from server.protocols.wire import Capabilities, Message, Ping, Pong, Wire

LEAVE_S = 5.0  # what a `call_ended` handler may take
FAULT = "an error of the server"  # all that a client is told


class Session:
    """One call, from `ready` to the last message."""

    def __init__(self, call_id: str, socket: Socket, wire: Wire, greeting: Greeting, shared: Shared) -> None:
        """Raises Overloaded when there is no room for another call."""
        self._services = shared.engines.open()
        self.call_id = call_id
        self._socket = socket
        self._wire = wire
        self._shared = shared
        self._loop = asyncio.get_running_loop()
        self._tasks = Tasks(self._fail, shared.left_behind)
        self._due_at: float | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._ended: e.End | None = None
        self._closing: asyncio.Task[None] | None = None
        self._first = greeting.first
        can, limits = greeting.opened.capabilities, shared.limits
        self._writer = Writer(socket, self._loop.time, farewell=can.farewell)
        self._guard = Guard(limits, can.rate_in, self._loop.time(), greeting.silent_since)
        options = playout_options(can, limits)
        self._playout = Playout(options)
        tools = shared.agent.tools.copy()
        for tool in shared.more_tools():
            tools.register(tool)
        settings = msgspec.structs.replace(shared.settings, tools=tools.specs())
        self.core = Core(settings, self._playout)
        self._journal = shared.journal(call_id, settings, options)
        self.hub = Hub(self.core, self._playout, self._loop.time, self._execute, self._journal)
        self._observers = (*shared.observers(call_id), LatencyObserver(lambda each: self._say(wire.turn(each))))
        self._connect_services(can)
        do, sync, models, opened = self._execute, shared.run_sync, shared.models, greeting.opened
        self.handle = CallHandle(call_id, self.core, tools, self.post, do, run_sync=sync, models=models, opened=opened)
        self._line = Line(shared.control, greeting.opened.phone, self.post, self._tasks.spawn)
        self._toolbox = Toolbox(self.handle, shared.agent.app_resources, self.post, self._tasks.spawn, shared.run_sync)
        self._handlers = Handlers(shared.agent.handlers, self.handle, limits.events)

    def _connect_services(self, can: Capabilities) -> None:
        limits, services = self._shared.limits, self._services
        ears_bytes = int(limits.ears_audio_s * services.stt.rate_hz * 2)
        self._heard: Inbox[bytes | Begin | Finish] = Inbox(
            ears_bytes, "drop_oldest", lambda item: len(item) if isinstance(item, bytes) else 0
        )
        self._asks: Inbox[model.Command] = Inbox(limits.commands)
        self._texts: Inbox[Utterance] = Inbox(limits.commands)
        stt = services.stt
        hears_itself = self._shared.echo_guard if can.echo is None else can.echo
        guard = EchoGuard(can.rate_in, can.rate_out) if hears_itself else None
        self._ears = EarSide(can.rate_in, stt.rate_hz, self._heard, self.post, stt.listens, guard=guard)
        sounds = self._shared.sounds(can.rate_out)
        background = None if sounds is None else Background(sounds, self._waits)
        self._loudspeaker = Loudspeaker(self._playout, self._wire, self._observers, guard=guard, background=background)
        self._ears.attach(*self._shared.engines.open_vad(can.rate_in, self._ears.on_speech))
        self._ears.let_judge(services.judge, self.core.turn)
        self._voice = VoiceSide(self.hub, self.post, services.tts.rate_hz, can.rate_out, self._on_audio)
        self._reader = Reader(
            self._socket,
            self._wire,
            self._guard,
            self._ears,
            self._playout,
            clock=self._loop.time,
            post=self.post,
            say=self._say,
            play=self._play,
            count=self._shared.dropped,
        )

    # --- the call ---------------------------------------------------------------------------------------------------

    async def run(self) -> e.End:
        """Hold the call. Returns how it ended."""
        try:
            self._start()
            await self._read()
            await self._finish()
        finally:
            try:
                await self._tasks.stop(LEAVE_S)
            finally:
                self._release()
        return self._ended or e.End("the connection was lost", 1006)

    def _start(self) -> None:
        services = self._services
        self._tasks.spawn(self._write())
        self._tasks.spawn(services.stt.run(self._heard, self.post, self._tasks.spawn))
        self._tasks.spawn(services.llm.run(self._asks, self._on_model, self._tasks.spawn))
        self._tasks.spawn(services.tts.run(self._texts, self._voice, self._tasks.spawn))
        if self._shared.agent.handlers:
            self._tasks.spawn(self._handlers.run())
        self._say([Ping()])
        self._say(self._wire.ready(self.call_id))
        self._shared.pacer.watch(self)
        self.post(e.Ready())

    async def _read(self) -> None:
        """The reader: until the socket closes, whoever closes it."""
        try:
            await self._reader.run(self._first)
        except ClientError as error:
            self.refuse(error)
        except EOFError:
            self.post(e.Gone("the caller hung up"))
        except Exception as error:
            self._fail(error)
        finally:
            self._writer.left()

    async def _write(self) -> None:
        try:
            await self._writer.run()
        except EOFError:
            self.post(e.Gone("the caller hung up"))

    async def _finish(self) -> None:
        """Nothing more comes in: let the last messages out and the last handlers run."""
        if self._closing:
            await self._closing
        if self.core.hung_up:
            await self._line.hang_up()
        await self._handlers.finish(LEAVE_S)

    def _release(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        self._shared.pacer.remove(self)
        self._ears.close()
        self._services.close()
        if self._journal:
            self._journal.close()
        for kind, count in self._lost().items():
            if count:
                logger.info("lost on the way: {} {}", count, kind)
                self._shared.dropped(kind, count)

    def _lost(self) -> dict[str, int]:
        """What was dropped or came too late, by kind."""
        return {
            "bad_messages": self._reader.complaints,
            "ears_audio_ms": self._heard.dropped * 500 // self._services.stt.rate_hz,
            "handler_events": self._handlers.dropped,
            "reply_events": self.core.answering.stale,
            "tool_results": self.core.calling.ledger.late,
            "turn_judgements": self._ears.unjudged,
        }

    def _fail(self, error: Exception) -> None:
        """A service failed, or what we made of a message: the call ends in order, and the client hears no details."""
        logger.opt(exception=error).error("the call is ended by a fault of ours")
        self.post(e.Gone(FAULT, 1011))

    def _crash(self, error: Exception) -> None:
        """The core failed: nothing more can be asked of it, not even how to end."""
        logger.opt(exception=error).error("the call is cut off by a fault of ours")
        if self._ended is None:
            self._observe(e.CallEnded(FAULT))
            self._end(e.End(FAULT, 1011))

    def refuse(self, error: ClientError) -> None:
        """The client broke the rules: the call ends with the close code of its fault."""
        logger.info("closed with {}: {}", error.code, error)
        self.post(e.Gone(str(error), error.code))

    def drain(self) -> None:
        """The server goes away: the call ends now."""
        self.post(e.Gone("the server is going away", 1012))

    # --- in -----------------------------------------------------------------------------------------------------------

    def post(self, fact: e.Fact) -> None:
        """Hand a fact to the core and carry out what it wants, at once."""
        if self._ended is not None:
            return
        now = self._loop.time()
        for observer in self._observers:
            observer.fact(now, fact)
        try:
            self.hub.post(fact)
            self._arm()
            self._play()
        except Exception as error:
            self._crash(error)

    def _on_model(self, fact: model.Fact) -> None:
        """What the model's service posts; inferences of the application are not for the core."""
        if not isinstance(fact, model.Inferred | model.InferenceFailed) or not self.handle.llm.take(fact):
            self.post(fact)

    def _arm(self) -> None:
        """One timer for the core's next deadline; most facts do not move it."""
        at = self.core.deadline()
        if at == self._due_at:
            return
        if self._deadline:
            self._deadline.cancel()
        self._due_at = at
        self._deadline = None if at is None else self._loop.call_at(at, self._due)

    def _due(self) -> None:
        self._due_at = None
        self.post(e.Tick())

    # --- out ----------------------------------------------------------------------------------------------------------

    def _execute(self, command: e.Command) -> None:
        try:
            self._do(command)
        except InboxFull as error:
            logger.error("{}", error)
            self.post(e.Gone("a service did not keep up", 1011))

    def _do(self, command: e.Command) -> None:
        match command:
            case model.Ask() | model.Cancel() | model.Prepare() | model.Infer():
                self._asks.put(command)
            case e.Speak(frame, text):
                self._speak(frame, text)
            case e.Flush():
                self._say(self._loudspeaker.clear(self._loop.time()))
                self._voice.make_room()
            case e.Hold():
                self._say(self._loudspeaker.hold(self._loop.time()))
            case e.Resume():
                self._say(self._loudspeaker.resume(self._loop.time()))
            case e.RunTool():
                self._toolbox.run(command)
            case e.CancelTool(call_id):
                self._toolbox.cancel(call_id)
            case Redirect():
                self._line.redirect(command)
            case PlayDigits(frame, digits):
                self._loop.call_soon(self._voice.press, frame, digits)  # after the fact that is being handled
            case e.Notify(event):
                self._tell(event)
            case e.End():
                self._end(command)

    def _end(self, end: e.End) -> None:
        self._writer.say_last(self._wire.ended(end.reason))
        self._ended = end
        self._closing = self._tasks.spawn(self._writer.close(end.code, end.reason))

    def _speak(self, frame: int, text: str) -> None:
        try:
            said = self._shared.wording.said(text, self.core.speaking.said_before(frame))
        except Exception as error:
            logger.opt(exception=error).error("a filter of the agent failed; its sentence is not spoken")
            self.post(SpeechFailed(frame, "a filter failed"))
            return
        if not said.text.strip():
            self.post(Synthesised(frame))
            return
        self._voice.expect(frame, said)
        self._texts.put(Utterance(frame, said.text))

    def _tell(self, event: e.Event) -> None:
        self._observe(event)
        self._say(self._wire.event(event))

    def _observe(self, event: e.Event) -> None:
        now = self._loop.time()
        for observer in self._observers:
            observer.event(now, event)
        self._handlers.put(event)

    def _say(self, messages: Sequence[Message | Ping | Pong]) -> None:
        try:
            self._writer.say(messages)
        except ClientError as error:
            self.refuse(error)

    def _on_audio(self) -> None:
        """The voice gave audio, and has time again for the next."""
        self._arm()
        self._play()

    def _play(self) -> None:
        """Send what may leave now, and come back with the next tick."""
        if self._loudspeaker.busy and self._ended is None:
            self._say(self._loudspeaker.take(self._loop.time()))
            self._shared.pacer.add(self)

    def _waits(self) -> Waits:
        """What the caller waits for."""
        if self.core.calling.blocking:
            return "tool"
        return "answer" if self.core.answering.owed or self.core.answering.reply else ""

    def tick(self, now: float) -> bool:
        """The pacer's tick: send what is due, tell the core what was heard. False when there is nothing to play."""
        if self._ended is not None:
            return False
        try:
            self._say(self._loudspeaker.take(now))
            if self.hub.progress():
                self._arm()
        except Exception as error:
            self._crash(error)
        self._voice.make_room()
        return self._loudspeaker.busy and self._ended is None

    def check(self, now: float) -> None:
        """The pacer's slow tick: is the client there, does it read, does it still send."""
        if self._ended is None:
            self._ears.check(now)
            try:
                self._guard.check(now, self._writer.sending_since)
            except ClientError as error:
                self.refuse(error)
            if self._guard.should_ping(now):
                self._say([Ping()])
