// The latency of one turn, as a small waterfall that opens to its numbers.

import { el } from "./dom.js";

const STAGES = [
  ["transcript_ms", "Transcript"],
  ["end_of_turn_ms", "End of turn"],
  ["first_token_ms", "First token"],
  ["first_audio_ms", "First audio"],
];

/**
 * The stages of a turn in the order in which they came: [{name, key, fromMs, toMs}].
 *
 * `turn` has milliseconds since the caller's last voiced sample, null where unknown.
 */
export function stages(turn) {
  const known = STAGES.filter(([key]) => Number.isFinite(turn[key]) && turn[key] >= 0);
  const sorted = known.map(([key, name]) => ({ key, name, toMs: turn[key] })).sort((a, b) => a.toMs - b.toMs);
  return sorted.map((stage, i) => ({ ...stage, fromMs: i === 0 ? 0 : sorted[i - 1].toMs }));
}

/** 0.47 s, or 85 ms: as short as it can be read. */
export function spanWords(ms) {
  return ms < 100 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** One line that a person can read, and a screen reader can say. */
export function turnWords(list) {
  const last = list.at(-1);
  if (last === undefined) return "No times known";
  return last.key === "first_audio_ms"
    ? `Answered in ${spanWords(last.toMs)}`
    : `${last.name} after ${spanWords(last.toMs)}`;
}

/** The element of an item of kind "turn". Bars are as long as their time, against the scale that the list sets. */
export function waterfall({ turn }) {
  const list = stages(turn);
  const bars = list.map((stage) => bar(stage));
  const summary = el(
    "summary",
    {},
    el("span", { class: "bars", "aria-hidden": "true" }, ...bars),
    el("span", {}, turnWords(list)),
  );
  const rows = list.map((stage) =>
    el(
      "li",
      { class: "stage-row" },
      el("span", {}, stage.name),
      el("span", { class: "bars", "aria-hidden": "true" }, bar(stage)),
      el("span", { class: "number" }, spanWords(stage.toMs)),
    ),
  );
  return el("li", { class: "turn" }, el("details", {}, summary, el("ol", { class: "rows" }, ...rows)));
}

function bar({ key, fromMs, toMs }) {
  const element = el("span", { class: "bar", "data-stage": key });
  element.style.setProperty("--from", fromMs);
  element.style.setProperty("--span", toMs - fromMs);
  return element;
}
