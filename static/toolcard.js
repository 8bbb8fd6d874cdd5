// A tool that the bot uses: its name, what it was given, how it stands and what came of it.

import { el } from "./dom.js";

const STATUSES = {
  running: "running",
  completed: "done",
  failed: "failed",
  cancelled: "cancelled",
  timed_out: "timed out",
  unknown: "no result",
};
const PREVIEW_CHARACTERS = 160;

/** JSON text or a value, as text on one line: `day: "monday", count: 2`. */
export function argumentsLine(value) {
  const parsed = decoded(value);
  if (parsed === null || parsed === undefined || parsed === "") return "";
  if (typeof parsed !== "object" || Array.isArray(parsed)) return preview(JSON.stringify(parsed));
  return preview(
    Object.entries(parsed)
      .map(([key, item]) => `${key}: ${JSON.stringify(item)}`)
      .join(", "),
  );
}

/** JSON text or a value, in full. Plain text stays what it is. */
export function fullText(value) {
  const parsed = decoded(value);
  if (parsed === null || parsed === undefined) return "";
  return typeof parsed === "string" ? parsed : JSON.stringify(parsed, null, 2);
}

/** The element of an item of kind "tool". */
export function toolCard(item) {
  const card = el("li", { class: "tool" }, el("details", {}, el("summary", {})));
  fillToolCard(card, item);
  return card;
}

/** Brings the element up to date; whether it stands open, or has the focus, is left alone. */
export function fillToolCard(card, item) {
  const summary = card.querySelector("summary");
  card.dataset.status = item.status;
  summary.replaceChildren(...summaryParts(item));
  while (summary.nextSibling) summary.nextSibling.remove();
  summary.after(...full("Arguments", item.arguments), ...full("Result", item.result));
}

function summaryParts({ name, arguments: args, status, result }) {
  const line = el("span", { class: "tool-line" }, el("span", { class: "tool-name" }, name), " ", argumentsLine(args));
  const state = el("span", { class: "tool-status" }, STATUSES[status] ?? status);
  const came = preview(fullText(result).replace(/\s+/g, " "));
  return came ? [line, state, el("span", { class: "tool-result" }, came)] : [line, state];
}

function full(title, value) {
  const text = fullText(value);
  return text ? [el("h3", {}, title), el("pre", { tabindex: "0", "aria-label": title }, text)] : [];
}

function preview(text) {
  return text.length > PREVIEW_CHARACTERS ? `${text.slice(0, PREVIEW_CHARACTERS - 1)}…` : text;
}

function decoded(value) {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
