import { equal, near, ok } from "./check.js";
import { delayS } from "/static/backoff.js";
import { levelOf } from "/static/meter.js";
import { QUIET, linkWords, next, phase } from "/static/state.js";
import { argumentsLine, fullText } from "/static/toolcard.js";
import { spanWords, stages, turnWords } from "/static/waterfall.js";
import { closing, problemOf, soundWords } from "/static/words.js";

const closed = (code, more = {}) => closing({ code, wasReady: true, ended: null, online: true, ...more });
const phaseAfter = (...messages) => phase("live", "on", messages.reduce(next, QUIET));

export const tests = {
  "delays grow, are jittered and end"() {
    equal(
      [0, 1, 2, 3, 9].map((n) => delayS(n, () => 1)),
      [0.5, 1, 2, 4, 15],
    );
    equal(
      delayS(3, () => 0),
      2,
    );
    equal(
      delayS(0, () => 0, 4),
      4,
      "the server's wish is kept",
    );
    equal(
      delayS(12, () => 0),
      null,
    );
  },

  "closing codes: what to say, and whether to try again"() {
    for (const code of [1001, 1006, 1011, 1012, 1013, 4408]) equal(closed(code).retry, true, code);
    for (const code of [1000, 1003, 1007, 1008, 1009]) equal(closed(code).retry, false, code);
    ok(closed(1013).leastS > 0 && closed(1012).leastS > 0, "a busy server is given room");
    equal(closed(1006, { ended: "goodbye" }), { retry: false, leastS: 0, text: "The call has ended: goodbye." });
    equal(closed(1006, { wasReady: false }).text, "The server is away, or takes no more calls just now.");
    equal(closed(1006, { online: false }).text, "You are offline.");
    equal(closed(4999).text, "The connection was lost.");
  },

  "each problem has its words"() {
    const names = ["NotAllowedError", "NotFoundError", "OverconstrainedError", "NotReadableError", "AbortError"];
    equal(
      names.map((name) => problemOf({ name })),
      ["refused", "missing", "missing", "busy", "busy"],
    );
    const codes = ["refused", "missing", "busy", "insecure", "unsupported", "lost", "sound", "silent"];
    ok(
      codes.every((code) => soundWords(code).endsWith(".")),
      "a sentence each",
    );
  },

  "who speaks now"() {
    const heard = { type: "transcript", role: "user", text: "hi", final: true };
    equal(phaseAfter(), "listening");
    equal(phaseAfter({ type: "speech_started" }), "caller");
    equal(phaseAfter({ type: "speech_started" }, { type: "speech_stopped" }), "listening");
    equal(phaseAfter(heard), "thinking");
    equal(phaseAfter(heard, { ...heard, text: "" }), "listening", "it was a cough");
    equal(phaseAfter(heard, { type: "bot_started" }), "bot");
    equal(phaseAfter({ type: "bot_started" }, { type: "pause" }), "held");
    equal(phaseAfter({ type: "bot_started" }, { type: "pause" }, { type: "resume" }), "bot");
    equal(phaseAfter({ type: "bot_started" }, { type: "bot_stopped" }), "listening");
    equal(phase("waiting", "on", QUIET), "waiting");
    equal(
      ["muted", "off"].map((microphone) => phase("live", microphone, QUIET)),
      ["muted", "typing"],
    );
  },

  "the link's words"() {
    equal(linkWords("live", QUIET), "Connected");
    equal(linkWords("live", next(QUIET, { type: "link", state: "reconnecting" })), "Model reconnecting");
    equal(linkWords("waiting", QUIET), "Reconnecting");
  },

  "a turn's stages stand in the order in which they came"() {
    const turn = { end_of_turn_ms: 300, transcript_ms: 200, first_token_ms: null, first_audio_ms: 460 };
    equal(
      stages(turn).map(({ name, fromMs, toMs }) => [name, fromMs, toMs]),
      [
        ["Transcript", 0, 200],
        ["End of turn", 200, 300],
        ["First audio", 300, 460],
      ],
    );
    equal(turnWords(stages(turn)), "Answered in 0.46 s");
    equal(turnWords(stages({ transcript_ms: 40 })), "Transcript after 40 ms");
    equal(turnWords(stages({})), "No times known");
    equal(spanWords(1234), "1.23 s");
  },

  "arguments and results are text, whatever they are"() {
    equal(argumentsLine('{"day": "monday", "n": 2}'), 'day: "monday", n: 2');
    equal(
      [argumentsLine("{}"), argumentsLine(null), argumentsLine("[1]"), argumentsLine("not json")],
      ["", "", "[1]", '"not json"'],
    );
    equal([fullText("plain"), fullText({ a: 1 }), fullText(undefined)], ["plain", '{\n  "a": 1\n}', ""]);
    equal(argumentsLine({ text: "x".repeat(500) }).length, 160);
  },

  "levels are what an ear would say"() {
    equal([levelOf(0), levelOf(1)], [0, 1]);
    near(levelOf(0.02), 0.49, 0.01, "quiet speech");
  },
};
