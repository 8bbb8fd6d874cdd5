"""The picture of a turn, as an SVG that fits light and dark pages. Pure."""

from __future__ import annotations

from xml.sax.saxutils import escape

from msgspec import Struct

LEFT, RIGHT, WIDTH, HEIGHT = 128, 24, 960, 372
TICK_MS = 200
AFTER_MS = 620  # of the answer
LANES = {"caller": 62, "voice": 118, "words": 166, "turn": 214, "model": 262, "bot": 316}
WAVE, BAR = 30, 16

STYLE = """
  .page { fill: #ffffff; } .ink { fill: #1f2328; } .soft { fill: #59636e; }
  .grid { stroke: #d1d9e0; stroke-width: 1; } .zero { stroke: #bc4c00; stroke-width: 1.5; }
  .caller { fill: #0969da; } .bot { fill: #1a7f37; } .wait { fill: #bf8700; } .model { fill: #8250df; }
  .faint { opacity: .28; } .zeroink { fill: #bc4c00; }
  text { font: 13px ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
  .small { font-size: 12px; } .name { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; } .ink { fill: #e6edf3; } .soft { fill: #9198a1; }
    .grid { stroke: #30363d; } .zero { stroke: #f0883e; } .zeroink { fill: #f0883e; }
    .caller { fill: #58a6ff; } .bot { fill: #3fb950; } .wait { fill: #d29922; } .model { fill: #a371f7; }
  }
"""


class Span(Struct, frozen=True):
    """From, to."""

    begin: float
    end: float


class Picture(Struct, frozen=True):
    """What is drawn. Times are ms from the caller's last voiced sample."""

    caller: list[tuple[float, float]]
    """The peaks of the caller's sound: when, and 0 to 1."""
    bot: list[tuple[float, float]]
    voiced: Span
    """The voice as one sees it."""
    voice: Span
    """The voice as the detector has it, from its beginning to the decision that it is over."""
    on_at: float
    off_at: float
    ended_ms: float
    """Where the detector puts its end."""
    words: list[tuple[float, str, bool]]
    """Transcripts: when, what, and whether it is final."""
    ask_at: float
    first_words_at: float
    speak_at: float
    first_audio_at: float


class _Scale:
    def __init__(self, seen: Picture) -> None:
        self.begin = seen.voiced.begin - 80
        self.end = seen.first_audio_at + AFTER_MS

    def __call__(self, ms: float) -> float:
        """A time's place."""
        return LEFT + (ms - self.begin) / (self.end - self.begin) * (WIDTH - LEFT - RIGHT)


def picture(seen: Picture) -> str:
    """The SVG."""
    x = _Scale(seen)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' role="img" aria-label="A turn on a time line">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="8"/>',
        *_grid(x),
        *(_text(16, y + 4, name, "ink name") for name, y in _names()),
        *_wave(x, seen.caller, LANES["caller"], "caller"),
        *_voice(x, seen),
        *_words(x, seen),
        *_turn(x, seen),
        *_model(x, seen),
        *_wave(x, seen.bot, LANES["bot"], "bot"),
        _text(
            x(seen.first_audio_at) - 8, LANES["bot"] + 4, f"heard from {seen.first_audio_at:.0f} ms on", "ink", "end"
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _names() -> list[tuple[str, int]]:
    names = ("caller", "voice on", "transcript", "turn", "model, voice", "bot")
    return list(zip(names, LANES.values(), strict=True))


def _grid(x: _Scale) -> list[str]:
    lines: list[str] = []
    for ms in range(int(x.begin // TICK_MS + 1) * TICK_MS, int(x.end), TICK_MS):
        lines.append(f'<line class="{"grid" if ms else "zero"}" x1="{x(ms):.1f}" y1="26" x2="{x(ms):.1f}" y2="350"/>')
        if ms != -TICK_MS:  # there the name of the zero stands
            label = f"{ms} ms" if ms else "last voiced sample"
            lines.append(_text(x(ms), 18, label, "soft small" if ms else "zeroink small", "middle"))
    return lines


def _wave(x: _Scale, levels: list[tuple[float, float]], y: int, kind: str) -> list[str]:
    seen = [(x(ms), level) for ms, level in levels if x.begin <= ms <= x.end]
    top = " ".join(f"{at:.1f},{y - level * WAVE:.1f}" for at, level in seen)
    bottom = " ".join(f"{at:.1f},{y + level * WAVE:.1f}" for at, level in reversed(seen))
    return [f'<polygon class="{kind}" points="{top} {bottom}"/>']


def _voice(x: _Scale, seen: Picture) -> list[str]:
    y = LANES["voice"]
    return [
        _bar(x, seen.voice.begin, seen.on_at, y, "caller faint"),
        _bar(x, seen.on_at, seen.ended_ms, y, "caller"),
        _bar(x, seen.ended_ms, seen.off_at, y, "caller faint"),
        _text(x(seen.on_at) + 6, y + 5, f"on, {seen.on_at - seen.voiced.begin:.0f} ms after it began", "page small"),
        _text(x(seen.off_at) + 6, y + 5, f"off at {seen.off_at:.0f} ms", "ink small"),
    ]


def _words(x: _Scale, seen: Picture) -> list[str]:
    y = LANES["words"]
    lines: list[str] = []
    partial = [(at, text) for at, text, final in seen.words if not final and at < 0]
    for at, text in partial[-1:]:
        lines += [_mark(x, at, y, "caller"), _text(x(at) - 6, y + 5, f"“{text} …”", "soft", "end")]
    at, text = next((at, text) for at, text, final in seen.words if final)
    lines += [_mark(x, at, y, "caller"), _text(x(at) + 8, y + 5, f"“{text}”, final at {at:.0f} ms", "ink")]
    return lines


def _turn(x: _Scale, seen: Picture) -> list[str]:
    y = LANES["turn"]
    return [
        _bar(x, seen.ended_ms, seen.ask_at, y, "wait"),
        _text(x(seen.ended_ms) + 6, y + 5, f"silence, {seen.ask_at - seen.ended_ms:.0f} ms", "page small"),
        _text(x(seen.ask_at) + 8, y + 5, f"over at {seen.ask_at:.0f} ms: ask the model", "ink"),
    ]


def _model(x: _Scale, seen: Picture) -> list[str]:
    y = LANES["model"]
    label = f"first words {seen.first_words_at:.0f}, first sentence {seen.speak_at:.0f}, first audio"
    return [
        _bar(x, seen.ask_at, seen.first_audio_at, y, "model"),
        _text(x(seen.ask_at) - 8, y + 5, f"{label} {seen.first_audio_at:.0f} ms", "ink", "end"),
    ]


def _bar(x: _Scale, begin: float, end: float, y: int, kind: str) -> str:
    width = max(1.0, x(end) - x(begin))
    return f'<rect class="{kind}" x="{x(begin):.1f}" y="{y - BAR / 2:g}" width="{width:.1f}" height="{BAR}" rx="2"/>'


def _mark(x: _Scale, at: float, y: int, kind: str) -> str:
    return f'<circle class="{kind}" cx="{x(at):.1f}" cy="{y}" r="4.5"/>'


def _text(at: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{at:.1f}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'
