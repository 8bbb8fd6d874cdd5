"""One log line for each event of a call that matters. What was said stands at DEBUG only."""

from __future__ import annotations

from loguru import logger

from audio.playout import Chunk
from server.call import events as e
from server.call import model_events as of_model

INTERRUPTIONS: dict[type[e.Event], str] = {
    e.Interrupted: "the caller interrupted",
    e.FalseInterruption: "it was nothing; the bot goes on",
}


class LogObserver:
    """Logs one call; its id stands in each line by loguru's context."""

    def fact(self, now: float, fact: e.Fact) -> None:
        """Facts are for the journal."""

    def audio_out(self, now: float, chunk: Chunk) -> None:
        """Audio is for the caller."""

    def event(self, now: float, event: e.Event) -> None:
        """The core tells something."""
        match event:
            case e.CallStarted():
                logger.info("call started")
            case e.CallEnded(reason):
                logger.info("call ended: {}", reason)
            case e.UserTurn(text):
                logger.info("turn of the caller: {} words", len(text.split()))
                logger.debug("caller: {}", text)
            case e.AssistantTurn(text):
                logger.info("turn of the bot: {} words heard", len(text.split()))
                logger.debug("bot: {}", text)
            case e.ToolStarted(call_id, name):
                logger.info("tool {} started ({})", name, call_id)
            case e.ToolFinished(call_id, name, outcome):
                logger.info("tool {} {} ({})", name, outcome, call_id)
            case e.Interrupted() | e.FalseInterruption():
                logger.info(INTERRUPTIONS[type(event)])
            case e.LinkChanged(state):
                logger.info("link to the language model: {}", state)
            case of_model.ReplyMetrics(reply, outcome, first_s, duration_s, usage):
                logger.debug(
                    "answer {} {} after {:.2f} s, first token {}, {}", reply, outcome, duration_s, first_s, usage
                )
            case of_model.Summarised(count):
                logger.info("{} older messages were summarised", count)
            case of_model.SummaryFailed(reason):
                logger.warning("the conversation is not summarised: {}", reason)
            case of_model.Truncated(count):
                logger.info("{} older messages were dropped", count)
            case e.Problem(code, message, fatal):
                logger.log("ERROR" if fatal else "WARNING", "{}: {}", code, message)
            case _:
                pass
