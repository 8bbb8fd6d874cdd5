// The settings panel: the choice of microphone and how to talk, the keypad, and what goes on below the surface.

import { byId, el } from "./dom.js";

const REFRESH_MS = 500;
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const STORED = "voicewire.microphone";
const STORED_KEY = "voicewire.key";

export class Settings {
  #call;
  #panel = byId("settings");
  #toggle = byId("settings-toggle");
  #devices = byId("microphones");
  #talking = byId("talking");
  #facts = byId("facts");
  #timer = null;

  /** `call`: what is shown and set. */
  constructor(call) {
    this.#call = call;
    this.#toggle.addEventListener("click", () => this.#show(this.#panel.hidden));
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.#close());
    document.addEventListener("click", ({ target }) => this.#isOutside(target) && this.#show(false));
    this.#devices.addEventListener("change", () => this.#choose());
    this.#talking.addEventListener("change", () => this.#chooseKey());
    this.#talking.value = stored(STORED_KEY) === "key" ? "key" : "open";
    this.#call.hasKey = this.#talking.value === "key";
    byId("keypad").append(...KEYS.map((key) => this.#key(key)));
    this.refreshDevices();
  }

  /** The microphone that was chosen, now or on an earlier visit; null: the browser's choice. */
  get deviceId() {
    return this.#devices.value || stored(STORED);
  }

  /** Microphones came, went, or got their names. */
  async refreshDevices() {
    const devices = await this.#call.microphone.devices();
    const current = this.#call.microphone.settings?.deviceId ?? stored(STORED);
    const options = devices.map(({ deviceId, label }, i) => {
      const option = el("option", { value: deviceId }, label || `Microphone ${i + 1}`);
      option.selected = deviceId === current;
      return option;
    });
    this.#devices.replaceChildren(
      ...(options.length > 0 ? options : [el("option", { value: "" }, "Named once allowed")]),
    );
    this.#devices.disabled = options.length === 0;
  }

  /** What can be used depends on whether a call is on. */
  update() {
    for (const key of byId("keypad").children) key.disabled = this.#call.state.name !== "live";
    this.#refreshFacts();
  }

  #show(on) {
    this.#panel.hidden = !on;
    this.#toggle.setAttribute("aria-expanded", String(on));
    clearInterval(this.#timer);
    if (!on) return;
    this.update();
    this.#timer = setInterval(() => this.#refreshFacts(), REFRESH_MS);
  }

  // Whoever was in the panel is led back to where it was opened; whoever was elsewhere stays there.
  #close() {
    if (this.#panel.contains(document.activeElement)) this.#toggle.focus();
    this.#show(false);
  }

  #isOutside(target) {
    return !this.#panel.hidden && !this.#panel.contains(target) && !this.#toggle.contains(target);
  }

  #choose() {
    store(STORED, this.#devices.value);
    if (this.#call.microphone.state !== "off") this.#call.listen(this.#devices.value);
  }

  #chooseKey() {
    store(STORED_KEY, this.#talking.value);
    this.#call.useKey(this.#talking.value === "key");
  }

  #key(key) {
    const button = el("button", { type: "button", class: "key" }, key);
    button.addEventListener("click", () => this.#call.press(key));
    return button;
  }

  #refreshFacts() {
    if (this.#panel.hidden) return;
    const rows = facts(this.#call).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
    this.#facts.replaceChildren(...rows);
  }
}

function facts({ ready, microphone, speaker, droppedAudio }) {
  const { report } = speaker;
  const seconds = (samples) => `${(samples / speaker.rate).toFixed(2)} s`;
  const opened = microphone.settings;
  return [
    ["Call", ready?.call_id ?? "none yet"],
    ["Server", ready?.version ?? "unknown"],
    ["Microphone", opened ? `${opened.label}, ${opened.sampleRate} Hz` : "off"],
    ["Speaker", `${speaker.rate} Hz, ${Math.round(speaker.latencyS * 1000)} ms behind`],
    ["Played", seconds(report.samples)],
    ["Waiting to be played", seconds(report.queued)],
    ["Gaps in the sound", String(report.underruns)],
    ["Lost on the way out", `${droppedAudio} messages`],
  ].map(([name, value]) => [name, String(value)]);
}

// Storage may be forbidden; then the choice lasts as long as the page.
function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function store(name, choice) {
  try {
    localStorage.setItem(name, choice);
  } catch {
    // see above
  }
}
