// The conversation on the page: a list that follows its end unless the reader has scrolled away.

import { el } from "./dom.js";
import { fillToolCard, toolCard } from "./toolcard.js";
import { stages, waterfall } from "./waterfall.js";

const NEAR_END_PX = 48;
const SPOKEN_LINES = 12; // kept for a screen reader that is behind
const SHORTEST_SCALE_MS = 1000;

export class Transcript {
  #scroller;
  #list;
  #announcer;
  #elements = new Map(); // item id -> element
  #unspoken = []; // bubbles in the order in which they began, for a screen reader: none before those before it ended
  #follows = true;
  #scaleMs = SHORTEST_SCALE_MS; // of the waterfalls: the longest turn so far

  /** `scroller` scrolls, `list` is the <ol> in it, `announcer` the live region for finished words. */
  constructor(scroller, list, announcer) {
    this.#scroller = scroller;
    this.#list = list;
    this.#announcer = announcer;
    scroller.addEventListener("scroll", () => {
      this.#follows = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END_PX;
    });
    const observer = new ResizeObserver(() => this.#follow());
    observer.observe(scroller);
    observer.observe(list);
  }

  /** Brings the page up to the conversation's changes. */
  apply(changes) {
    for (const { op, item, after } of changes) {
      if (op === "add") this.#add(item, after);
      else if (op === "remove") this.#remove(item);
      else this.#change(item);
    }
  }

  clear() {
    this.#list.replaceChildren();
    this.#elements.clear();
    this.#unspoken = [];
    this.#follows = true;
    this.#scale(SHORTEST_SCALE_MS);
  }

  /** Has a screen reader say a line, politely. */
  say(text) {
    this.#announcer.append(el("p", {}, text));
    while (this.#announcer.childElementCount > SPOKEN_LINES) this.#announcer.firstElementChild.remove();
  }

  #add(item, after) {
    const element = create(item);
    this.#elements.set(item.id, element);
    const previous = this.#elements.get(after);
    if (previous) previous.after(element);
    else this.#list.prepend(element);
    if (item.kind === "turn") this.#scale(Math.max(this.#scaleMs, stages(item.turn).at(-1)?.toMs ?? 0));
    if (item.kind === "bubble" && !item.typed) this.#unspoken.push(item); // whoever typed it knows
    this.#speak();
  }

  #change(item) {
    const element = this.#elements.get(item.id);
    if (item.kind === "tool") fillToolCard(element, item);
    if (item.kind !== "bubble") return;
    fillBubble(element, item);
    this.#speak();
  }

  #remove(item) {
    this.#elements.get(item.id)?.remove();
    this.#elements.delete(item.id);
    this.#unspoken = this.#unspoken.filter((each) => each !== item);
    this.#speak();
  }

  #speak() {
    while (this.#unspoken.length > 0 && !this.#unspoken[0].open) {
      const { role, text, cut } = this.#unspoken.shift();
      this.say(`${role === "user" ? "You" : "Bot"}: ${text}${cut ? " (interrupted)" : ""}`);
    }
  }

  #scale(ms) {
    this.#scaleMs = ms;
    this.#list.style.setProperty("--scale", ms);
  }

  #follow() {
    if (this.#follows) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}

function create(item) {
  if (item.kind === "tool") return toolCard(item);
  if (item.kind === "turn") return waterfall(item);
  if (item.kind === "note") return el("li", { class: "note" }, item.text);
  const who = el("span", { class: "visually-hidden" }, item.role === "user" ? "You: " : "Bot: ");
  const bubble = el(
    "li",
    { class: "bubble", "data-role": item.role },
    who,
    el("span", { class: "words", dir: "auto" }),
  );
  fillBubble(bubble, item);
  return bubble;
}

function fillBubble(bubble, item) {
  bubble.toggleAttribute("data-open", item.open);
  bubble.querySelector(".words").textContent = item.text;
  const mark = bubble.querySelector(".cut");
  if (!item.cut) mark?.remove();
  else if (!mark) bubble.append(" ", el("span", { class: "cut" }, "interrupted"));
}
