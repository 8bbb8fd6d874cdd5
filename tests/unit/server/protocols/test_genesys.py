"""Genesys AudioHook: what its messages mean, and what it is sent. Wrong messages are in tests/corpus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audio import g711
from server.call import events as e
from server.protocols.genesys import PROBE, GenesysWire
from server.protocols.wire import Answer, Audio, Capabilities, Complaint, Counted, Incoming, Message, Opened, Phone

SESSION = "e160e428-53e2-487c-977d-96989bf5c99d"
MONO = {"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000}
MONO_L16 = {**MONO, "format": "L16"}
STEREO = {**MONO, "channels": ["external", "internal"]}
SWAPPED = {**MONO, "channels": ["internal", "external"]}
STEREO_L16 = {**SWAPPED, "format": "L16"}
LOUD, QUIET = b"\x00\x40", b"\x10\x00"


class Genesys:
    """The other end: numbers its messages, and reads those of the wire."""

    def __init__(self) -> None:
        self.wire = GenesysWire()
        self.seq = 0

    def says(self, kind: str, **parameters: Any) -> list[Incoming]:
        """A message, and what it means."""
        self.seq += 1
        head = {"version": "2", "id": SESSION, "type": kind, "seq": self.seq, "serverseq": 0, "position": "PT0S"}
        return self.wire.receive(json.dumps({**head, "parameters": parameters}))

    def opens(self, *media: dict[str, Any], **parameters: Any) -> list[Incoming]:
        """The first message."""
        return self.says("open", **{"conversationId": "c1", "media": media or (STEREO, MONO), **parameters})


def read(messages: list[Message]) -> list[dict[str, Any]]:
    """Messages as Genesys reads them."""
    return [json.loads(each) for each in messages]


def answer(incoming: list[Incoming]) -> dict[str, Any]:
    """The first of what came is an answer: this one."""
    assert isinstance(incoming[0], Answer)
    (message,) = read([incoming[0].message])
    return message


# --- how a session goes -----------------------------------------------------------------------------------------------


def test_open_opens_the_call_with_what_the_flow_and_the_integration_say() -> None:
    participant = {"id": SESSION, "ani": "+15551234567", "aniName": "Ann", "dnis": "+15557654321"}
    (meaning,) = Genesys().opens(
        organizationId="o1",
        participant=participant,
        customConfig={"shop": "bikes", "level": 1},
        inputVariables={"level": "gold"},
    )
    can = Capabilities(8000, 8000, captions=False, chunk_ms=200, farewell=True)
    phone = Phone("genesys", "c1", SESSION, account="o1", caller="+15551234567", called="+15557654321")
    assert meaning == Opened(can, "", {"shop": "bikes", "level": "gold"}, phone)


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ([MONO], MONO),
        ([MONO_L16], MONO_L16),
        ([STEREO], STEREO),
        ([STEREO, MONO_L16, MONO], MONO),
        ([STEREO, MONO_L16], MONO_L16),
        ([STEREO_L16, STEREO], STEREO),
        ([STEREO, SWAPPED], STEREO),
        ([{**MONO, "rate": 16000}, {**MONO, "channels": ["internal"]}, SWAPPED], SWAPPED),
    ],
)
def test_one_of_the_media_on_offer_is_taken(offered: list[dict[str, Any]], taken: dict[str, Any]) -> None:
    genesys = Genesys()
    genesys.opens(*offered)
    (opened,) = read(genesys.wire.ready("call"))
    assert opened == {
        "version": "2",
        "id": SESSION,
        "type": "opened",
        "seq": 1,
        "clientseq": 1,
        "parameters": {"media": [taken], "startPaused": False},
    }


def test_pings_are_answered_and_messages_numbered_both_ways() -> None:
    genesys = Genesys()
    genesys.opens()
    genesys.wire.ready("call")
    pongs = [answer(genesys.says("ping", rtt="PT0.04S")) for _ in range(2)]
    assert [(each["type"], each["seq"], each["clientseq"]) for each in pongs] == [("pong", 2, 2), ("pong", 3, 3)]


def test_a_message_that_is_ignored_counts_too() -> None:
    genesys = Genesys()
    genesys.opens()
    assert isinstance(genesys.says("news")[0], Complaint)
    assert isinstance(genesys.says("dtmf", digit=5)[0], Complaint)
    assert answer(genesys.says("ping"))["clientseq"] == 4


def test_close_is_answered_and_the_call_is_over() -> None:
    genesys = Genesys()
    genesys.opens()
    genesys.wire.ready("call")
    meaning = genesys.says("close", reason="end")
    assert (answer(meaning)["type"], answer(meaning)["parameters"]) == ("closed", {})
    assert meaning[1:] == [e.Gone("Genesys closed the session: 'end'")]
    assert genesys.wire.ended("the caller hung up") == []


def test_when_we_hang_up_genesys_closes_and_is_answered() -> None:
    genesys = Genesys()
    genesys.opens()
    (disconnect,) = read(genesys.wire.ended("the agent is done"))
    assert (disconnect["type"], disconnect["parameters"]) == (
        "disconnect",
        {"reason": "completed", "info": "the agent is done"},
    )
    assert answer(genesys.says("close", reason="disconnect"))["type"] == "closed"


def test_a_probe_is_answered_and_is_no_call() -> None:
    genesys = Genesys()
    meaning = genesys.opens(conversationId=PROBE)
    assert len(meaning) == 1
    assert answer(meaning)["type"] == "opened"
    assert answer(meaning)["parameters"]["media"] == [MONO]
    assert answer(genesys.says("ping"))["type"] == "pong"
    assert genesys.wire.receive(bytes(1600)) == []
    closing = genesys.says("close", reason="end")
    assert (answer(closing)["type"], answer(closing)["seq"]) == ("closed", 3)
    assert isinstance(closing[1], e.Gone)


# --- in ---------------------------------------------------------------------------------------------------------------

SOUNDS: dict[str, tuple[dict[str, Any], bytes]] = {
    "mu-law": (MONO, g711.to_mulaw(LOUD * 3)),
    "PCM16": (MONO_L16, LOUD * 3),
    "both in mu-law": (STEREO, g711.to_mulaw((LOUD + QUIET) * 3)),
    "both in mu-law, swapped": (SWAPPED, g711.to_mulaw((QUIET + LOUD) * 3)),
    "both in PCM16, swapped": (STEREO_L16, (QUIET + LOUD) * 3),
}


@pytest.mark.parametrize(("media", "data"), SOUNDS.values(), ids=SOUNDS)
def test_the_customer_is_heard_and_not_the_agent(media: dict[str, Any], data: bytes) -> None:
    genesys = Genesys()
    genesys.opens(media)
    (heard,) = genesys.wire.receive(data)
    assert isinstance(heard, Audio)
    loud = LOUD if media["format"] == "L16" else g711.from_mulaw(g711.to_mulaw(LOUD))
    assert heard.pcm == loud * 3


MEANINGS: dict[str, tuple[str, dict[str, Any], list[Incoming]]] = {
    "a key": ("dtmf", {"digit": "7"}, [e.Dtmf("7")]),
    "on hold": ("paused", {}, [e.Muted(True)]),
    "off hold": ("resumed", {"start": "PT1S", "discarded": "PT5S"}, [e.Muted(False)]),
    "lost": ("discarded", {"start": "PT1S", "discarded": "PT0.25S"}, [Counted("wire_lost"), Audio(bytes(4000))]),
    "a language": ("update", {"language": "de-DE"}, []),
    "playing": ("playback_started", {}, []),
    "played": ("playback_completed", {}, []),
    "throttled": (
        "error",
        {"code": 429, "message": "Rate limit", "retryAfter": "PT3S"},
        [Complaint("carrier_error", "Genesys says: 429 'Rate limit'")],
    ),
}


@pytest.mark.parametrize(("kind", "parameters", "meaning"), MEANINGS.values(), ids=MEANINGS)
def test_each_message_has_its_meaning(kind: str, parameters: dict[str, Any], meaning: list[Incoming]) -> None:
    genesys = Genesys()
    genesys.opens()
    assert genesys.says(kind, **parameters) == meaning


# --- out --------------------------------------------------------------------------------------------------------------


def test_audio_leaves_in_one_message_as_it_was_agreed() -> None:
    mulaw, l16 = Genesys(), Genesys()
    mulaw.opens()
    l16.opens(MONO_L16)
    assert mulaw.wire.audio(LOUD * 1600) == [g711.to_mulaw(LOUD) * 1600]
    assert l16.wire.audio(LOUD * 1600) == [LOUD * 1600]


def test_a_clear_is_a_barge_in() -> None:
    genesys = Genesys()
    genesys.opens()
    (event,) = read(genesys.wire.clear())
    assert (event["type"], event["parameters"]) == ("event", {"entities": [{"type": "barge_in", "data": {}}]})


def test_the_line_is_never_paused_by_us() -> None:
    genesys = Genesys()
    genesys.opens()
    wire = genesys.wire
    assert [wire.begin(), wire.pause(), wire.resume(), wire.custom("{}"), wire.event(e.UserSpeech(True))] == [[]] * 5
