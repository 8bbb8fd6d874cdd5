"""Models and voices of providers come and go: they are configuration, and none is named in the code."""

from __future__ import annotations

import ast
import re

import pytest

from tests.unit.house import CODE, ROOT

FAMILIES = "nova aura flux sonic ink scribe gpt chatgpt whisper tts claude gemini llama eleven".split()
CLOUD_MODEL = re.compile(rf"(?<![\w/-])(?:(?:{'|'.join(FAMILIES)})-\S|eleven_\w|scribe_v\d|o\d(?:-|\b))", re.IGNORECASE)
CLOUD_VOICES = frozenset("alloy ash ballad coral fable onyx sage shimmer verse marin cedar".split())


def cloud_names(code: str) -> list[str]:
    """The models and voices of providers that stand in it: models anywhere, voices where they are all of a text."""
    texts = {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)}
    return [*CLOUD_MODEL.findall(code), *(CLOUD_VOICES & texts)]


@pytest.mark.parametrize("file", CODE)
def test_no_model_or_voice_of_a_provider_is_named(file: str) -> None:
    assert cloud_names((ROOT / file).read_text("utf-8")) == []


@pytest.mark.parametrize(
    "code",
    [
        'TERMS_OF = ("nova-3",)',
        'model.startswith("flux-")',
        '"""Words to listen for, for Nova-3."""',
        "# aura-2-x-en",
        'model = "gpt-transcribe"',
        'model: str = "whisper-1"',
        'model = "eleven_turbo_v2"',
        'model = "o3-mini"',
        'voice: str = "alloy"',
    ],
)
def test_a_name_of_a_provider_would_be_noticed(code: str) -> None:
    assert cloud_names(code)
