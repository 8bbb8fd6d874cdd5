"""The rules of the house (DESIGN §2, §7, §12), read from the code itself."""

from __future__ import annotations

import ast
import re

import pytest

from tests.unit.house import CODE, MODULES, PACKAGES, PRODUCTION, ROOT, files, imports, module_of, source_of, tree_of

MAX_LINES = 400


def test_the_packages_are_found() -> None:
    assert len(CODE) > 100
    assert {each.split("/")[0] for each in CODE} == set(PRODUCTION)


# --- the size of files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", files(*PACKAGES))
def test_a_file_has_at_most_400_lines(file: str) -> None:
    lines = len((ROOT / file).read_text("utf-8").splitlines())
    assert lines <= MAX_LINES


# --- who imports whom -------------------------------------------------------------------------------------------------

SHARED = "link audio llm"
LAYERS = {
    "link": "link",
    "audio": "link audio",
    "audio.tts": "link audio audio.tts",
    "audio.stt": "link audio audio.stt audio.tts",  # callers say numbers as the voice would
    "llm": "link llm",  # not the brain: whoever asks a model does not know which
    "llm.local": "link llm.local llm.local.skills",  # not the client: the brain is a server of its own
    "llm.local.skills": "llm.local llm.local.skills",
    "server.call": f"{SHARED} server.call server.protocols.wire server.observers server.agent server.config",
    "server.protocols": "link audio server.call server.protocols server.protocols.wire server.__version__",
    "server.protocols.wire": "audio server.call",
    "server.observers": f"{SHARED} server.call server.observers",
    "server.config": "link audio llm server.call server.phones.options",
    "server.agent": "link audio llm server.call server.config",
    "server.logs": "link",
    "server.phones": "link server.phones server.phones.options server.phones.markup server.door server.call"
    " server.protocols.wire",
    "server.phones.options": "link",
    "server.phones.sockets": f"{SHARED} server server.call server.config server.door server.observers server.phones"
    " server.phones.options server.protocols server.protocols.wire",
    "server.door": "link server.door server.phones.options",
    "server.phones.markup": "server.phones.markup",
    "server.load": "audio server.load server.protocols.wire",  # a client too: it shares no code with the codecs
    "server.talk": "link audio server.talk",  # a client: it knows the wire from its documents, as others do
    "server": f"{SHARED} audio.stt audio.tts llm.local server server.call server.protocols server.protocols.wire"
    " server.observers server.config server.agent server.door server.phones server.phones.markup server.phones.sockets"
    " server.__version__",
    "server.commands": f"{SHARED} llm.local server server.call server.talk server.config server.agent server.logs"
    " server.door server.phones",
    "server.__main__": "link server.commands server.__version__",
    "server.__version__": "",
    "examples": "llm server.agent",  # what a user of voicewire needs
    **dict.fromkeys(("bench", "tools", "tests"), ""),  # nobody imports these
}
"""What each part may import; a module belongs to the longest name that it begins with. Downwards only."""


def layer_of(module: str) -> str:
    """The part that a module, or a name from one, belongs to."""
    return max((each for each in LAYERS if f"{module}.".startswith(f"{each}.")), key=len, default="")


def strangers(module: str, tree: ast.Module) -> list[str]:
    """What it imports of ours and may not."""
    own = [name for name in imports(tree) if name.startswith(".") or name.split(".")[0] in PACKAGES]
    allowed = LAYERS[layer_of(module)].split()
    return [name for name in own if layer_of(name) not in allowed]


@pytest.mark.parametrize("file", [*CODE, *files("examples")])
def test_imports_go_downwards(file: str) -> None:
    assert strangers(module_of(file), tree_of(file)) == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("link.worker", "from llm.events import Delta"),
        ("audio.playout", "import llm.events"),
        ("llm.tools", "def f():\n    from audio import turn"),
        ("llm.context", "from server.config import Settings"),
        ("llm.websocket", "from llm.local.server import LocalBrain"),
        ("llm.local.server", "from llm.websocket import WebsocketLLMService"),
        ("server.call.core", "from server.protocols.native import NativeWire"),
        ("server.call.session", "from audio.stt.pocketsphinx import PocketSphinx"),
        ("server.call.session", "from server.app import Server"),
        ("server.talk.client", "from server.call import events"),
        ("server.app", "from tests.unit.server.parts import ears"),
        ("audio.vad", "from . import events"),
        ("examples.demo", "from server.call.session import Session"),
    ],
)
def test_an_import_upwards_would_be_noticed(module: str, code: str) -> None:
    assert len(strangers(module, ast.parse(code))) == 1


UNUSED = """
    httpx requests http.client socket subprocess multiprocessing pickle
    torch silero_vad cartesia elevenlabs
""".split()
LIBRARIES: dict[str, set[str]] = {
    "websockets": {
        "link/websocket.py",  # the client of providers
        "server/talk/client.py",  # `voicewire talk` is a client
        "llm/local/server.py",  # the brain's server
        "llm/local/connection.py",
        "llm/local/outlet.py",
    },
    "websockets.asyncio.client": {"link/websocket.py", "server/talk/client.py"},
    "openai": {"llm/chat_client.py"},
    "mcp": {f"llm/mcp_{part}.py" for part in ("calls", "http", "link", "sieve", "stdio")},
    "mcp_types": {f"llm/mcp_{part}.py" for part in ("calls", "http", "lines", "link", "sieve")},
    "anyio": {"llm/mcp_link.py", "llm/mcp_stdio.py"},  # the package `mcp` is written for it
    "httpx2": {"llm/mcp_http.py"},
    **{name: {"llm/tool_schema.py"} for name in ("jsonschema", "referencing")},
    "PIL": {"llm/images.py"},
    "aiohttp": {"link/http.py", "llm/local/chat_server.py"}
    | {f"server/{part}.py" for part in ("admission", "app", "socket")}
    | {f"server/phones/{part}.py" for part in ("dialling", "seen", "sockets", "webhooks")},
    "urllib.request": {"link/http.py"},  # for the proxy that the environment names
    "prometheus_client": {"server/app.py", "server/observers/metrics.py"},
    "uvloop": {"server/commands/serve.py"},
    "pocketsphinx": {"audio/stt/pocketsphinx.py", "audio/stt/pocketsphinx_job.py"},
    "espeakng_loader": {"audio/tts/espeak_ng.py"},
    "onnxruntime": {"audio/smart_turn/job.py", "audio/stt/moonshine_job.py"},
    "piper": {"audio/tts/piper_job.py"},
    "kokoro_onnx": {"audio/tts/kokoro_job.py"},
    "ctypes": {"audio/blas.py", "audio/tts/espeak_ng.py"},
    "faster_whisper": {"audio/stt/faster_whisper_job.py"},
    "tokenizers": {"audio/stt/moonshine_job.py"},
    "soundfile": {"audio/files.py"},
    "sounddevice": {"server/talk/devices.py"},
    "cryptography": {"server/door/telnyx.py"},
    "jwt": {"server/door/vonage.py", "server/phones/control/vonage.py"},
    **{name: set() for name in UNUSED},
}
"""Which files know a library: connections are opened in few places, and what can be replaced stands in one."""


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_known_to_few_files(library: str) -> None:
    known = {file for file in CODE if any(f"{name}.".startswith(f"{library}.") for name in imports(tree_of(file)))}
    assert known == LIBRARIES[library]


# --- pure modules -----------------------------------------------------------------------------------------------------

PURE_BY_DESIGN = frozenset(
    """
    server.door.basic server.door.door server.door.genesys server.door.plivo server.door.request server.door.telnyx
    server.door.tickets server.door.twilio server.door.vonage
    link.backoff link.breaker link.preference audio.addresses audio.chunking audio.dtmf audio.formulas audio.frame
    audio.g711 audio.inflight audio.matching audio.pcm audio.pieces audio.playout audio.pronunciation
    audio.silero audio.recent
    audio.smart_turn.features audio.smart_turn.questions audio.speakable audio.spoken audio.stops audio.turn
    audio.stt.deepgram audio.stt.deepgram_events audio.stt.deepgram_flux audio.stt.fallback audio.stt.hearing
    audio.stt.kept_audio audio.stt.openai_events audio.stt.openai_realtime audio.stt.openai_transcription
    audio.stt.speeches audio.stt.uplink audio.stt.utterances audio.tts.alignment audio.tts.cartesia audio.tts.deepgram
    audio.tts.elevenlabs audio.tts.openai audio.tts.phonemes audio.tts.queue audio.tts.speech audio.tts.wire
    llm.cancel_tool llm.candidates llm.chat_answer llm.chat_codec llm.chat_failures llm.chat_options llm.context
    llm.continuation llm.entry llm.failures llm.fallback llm.fallback_inference llm.function_calls llm.items
    llm.mcp_offers llm.mcp_options llm.media llm.messages llm.messages_json llm.responses llm.responses_events
    llm.responses_request llm.rules llm.summary llm.switch llm.tokens llm.turn_completion llm.local.brain
    llm.local.exchanges llm.local.skills.rules server.call.answering server.call.asking server.call.barge_in
    server.call.calling server.call.core server.call.guard server.call.hub server.call.output server.call.policy
    server.call.pondering server.call.request server.call.silence server.call.speaking server.call.summarising
    server.call.turn_taking server.call.wording server.load.wires.asterisk server.load.wires.buffer
    server.load.wires.exotel server.load.wires.genesys server.load.wires.messages server.load.wires.plivo
    server.load.wires.telnyx server.load.wires.twilio server.load.wires.vonage server.observers.latency
    server.protocols.any_carrier
    server.protocols.asterisk server.protocols.carrier server.protocols.carrier_messages server.protocols.exotel
    server.protocols.genesys server.protocols.genesys_messages server.protocols.marks server.protocols.media_format
    server.protocols.media_stream server.protocols.native server.protocols.ordering server.protocols.plivo
    server.protocols.telnyx server.protocols.twilio server.protocols.vonage server.talk.caller server.talk.script
    """.split()
)
"""The modules that DESIGN wants pure. Others may be so too: their first lines say it."""
PLAIN = frozenset(
    """
    link.errors audio.events llm.events server.call.events server.call.model_events server.protocols.wire
    server.talk.events llm.local.vocabulary llm.local.skills
    """.split()
)
"""Events, errors and words: nothing that could be impure, and so nothing says that it is not."""


def says_that_it_is_pure(file: str) -> bool:
    """Whether the first paragraph of a module says `Pure.`, or `Pure:` and a reservation."""
    return bool(re.search(r"\bPure[.:;]", (ast.get_docstring(tree_of(file)) or "").partition("\n\n")[0]))


PURE = PLAIN | {module_of(file) for file in CODE if says_that_it_is_pure(file)}
HARMLESS = frozenset(
    """
    __future__ binascii bisect collections cryptography dataclasses datetime difflib enum fnmatch fractions functools
    hashlib heapq hmac html ipaddress itertools json jwt math msgspec numpy random.Random re statistics string typing
    unicodedata urllib.parse xml.etree
    """.split()
)
"""What a pure module may import: nothing that reads a clock, waits, or reaches outside. Dice are passed in."""
TYPES_OF_OTHERS = {"server.call.guard": {"server.config.Limits"}, "server.protocols.native": {"server.__version__"}}
IMPURE_CALLS = re.compile(
    r"(open|print|input|exec|eval|__import__|Random)"
    r"|.*\b(datetime|date)\.(now|utcnow|today)"
    r"|(np|numpy)\.(random\..*|load|save\w*|loadtxt|fromfile|memmap)"
)


def impurities(module: str, tree: ast.Module) -> list[str]:
    """What it imports, calls or is that a pure module must not."""
    found = []
    for name in imports(tree):
        harmless = any(f"{name}.".startswith(f"{each}.") for each in HARMLESS)
        if not harmless and source_of(name) not in PURE and name not in TYPES_OF_OTHERS.get(module, ()):
            found.append(f"imports {name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and IMPURE_CALLS.fullmatch(ast.unparse(node.func)):
            found.append(f"line {node.lineno} calls {ast.unparse(node.func)}")
        elif isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncWith | ast.AsyncFor):
            found.append(f"line {node.lineno} is async")
    return found


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_reads_no_clock_draws_no_dice_and_reaches_nowhere(module: str) -> None:
    path = module.replace(".", "/")
    tree = tree_of(f"{path}.py" if f"{path}.py" in CODE else f"{path}/__init__.py")
    assert impurities(module, tree) == []


def test_the_modules_that_design_wants_pure_are() -> None:
    assert sorted(PURE_BY_DESIGN - PURE) == []
    assert sorted(PURE - MODULES) == []


@pytest.mark.parametrize(
    "code",
    [
        "import asyncio",
        "import time",
        "import random",
        "from time import monotonic",
        "from random import choice",
        "from loguru import logger",
        "import socket, os",
        "from pathlib import Path",
        "import urllib.request",
        "from link.inbox import Inbox",
        "from server.config import Limits",
        "from random import Random\ndice = Random()",
        "def f():\n    import logging",
        "now = datetime.now()",
        "now = datetime.datetime.now()",
        "x = np.random.default_rng()",
        "x = np.load('weights')",
        "text = open('x').read()",
        "async def f(): ...",
    ],
)
def test_what_is_not_pure_would_be_noticed(code: str) -> None:
    assert impurities("audio.playout", ast.parse(code))


# --- who owns tasks, threads and processes ----------------------------------------------------------------------------

MAKERS = frozenset(
    """
    create_task ensure_future TaskGroup gather wait_for run_coroutine_threadsafe Thread ThreadPoolExecutor
    ProcessPoolExecutor to_thread run_in_executor create_subprocess_exec create_subprocess_shell create_task_group
    start_soon
    """.split()
)
OWNERS = {
    "server/call/tasks.py": "create_task",  # all tasks of a call, and of the process
    "server/call/shared.py": "to_thread",  # the default for plain functions, where no pool is given
    "server/app.py": "ThreadPoolExecutor run_in_executor",  # tools' threads
    "server/engines.py": "gather",  # all engines start and stop at once, and are awaited there
    "server/talk/client.py": "TaskGroup create_task",  # the client's one group: its clock
    "link/worker.py": "TaskGroup create_task gather create_subprocess_exec",  # each worker has a process
    "llm/mcp_link.py": "create_task_group start_soon",  # what listens to a tool server, while its connection is there
    "llm/mcp_stdio.py": "create_subprocess_exec create_task_group start_soon",  # a tool server's program, its pipes
    "link/worker_child.py": "Thread",  # in the worker's own process: the pipe, and the end of the parent
    "llm/local/connection.py": "TaskGroup create_task",  # the brain's server: a task for each lane of a connection
}
"""The only files that make tasks, threads or processes, with what they make. Everybody else is given a `spawn`."""


def makers(tree: ast.Module) -> set[str]:
    """The names by which it makes tasks, threads and processes."""
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return set(MAKERS) & (names | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})


@pytest.mark.parametrize("file", CODE)
def test_tasks_threads_and_processes_are_made_by_their_owners_only(file: str) -> None:
    assert makers(tree_of(file)) <= set(OWNERS.get(file, "").split())


def test_an_owner_that_makes_nothing_any_more_is_taken_off_the_list() -> None:
    assert [file for file in OWNERS if file not in CODE or not makers(tree_of(file))] == []


@pytest.mark.parametrize(
    "code",
    ["asyncio.create_task(f())", "loop.create_task(f())", "ensure_future(f())", "async with TaskGroup() as g: g"],
)
def test_a_task_without_an_owner_would_be_noticed(code: str) -> None:
    assert makers(ast.parse(f"async def g():\n    {code}"))


@pytest.mark.parametrize("file", CODE)
def test_a_queue_has_a_bound(file: str) -> None:
    calls = [node for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call)]
    unbounded = [
        call for call in calls if ast.unparse(call.func).endswith("Queue") and not (call.args or call.keywords)
    ]
    assert [call.lineno for call in unbounded] == []


# --- classes and functions --------------------------------------------------------------------------------------------

BASES = frozenset(
    """
    Struct Protocol Generic Enum IntEnum Exception VoicewireError ProviderError WorkerDied
    logging.Handler ctypes.Structure ctypes.Union httpx2.AsyncByteStream
    """.split()
)
"""Kinds of things and of errors, and interfaces; nothing is inherited from a class that does something."""
PASSES_ON = {"server/app.py": {"_run_sync"}}  # a tool takes its arguments by name, whatever they are


@pytest.mark.parametrize("file", CODE)
def test_a_class_has_at_most_one_base_and_inherits_no_behaviour(file: str) -> None:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base).partition("[")[0] for base in node.bases]
            assert len(bases) <= 1, node.name
            assert set(bases) <= BASES, node.name


@pytest.mark.parametrize("file", [file for file in CODE if file.endswith("/events.py")])
def test_events_are_frozen(file: str) -> None:
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.ClassDef):
            assert "frozen=True" in [ast.unparse(each) for each in node.keywords], node.name


def passing_on(tree: ast.Module) -> set[str]:
    """Functions that pass their own `**names` on to another."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.kwarg:
            calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
            passed = [ast.unparse(word.value) for call in calls for word in call.keywords if word.arg is None]
            found |= {node.name} if node.args.kwarg.arg in passed else set()
    return found


@pytest.mark.parametrize("file", CODE)
def test_no_keywords_are_passed_through(file: str) -> None:
    assert passing_on(tree_of(file)) == PASSES_ON.get(file, set())


def test_keywords_that_are_passed_through_would_be_noticed() -> None:
    assert passing_on(ast.parse("def f(**options):\n    return g(1, **options)")) == {"f"}
    assert passing_on(ast.parse("def f(**fields):\n    return encode({'type': 1, **fields})")) == set()
