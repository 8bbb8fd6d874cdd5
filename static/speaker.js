// The speaker: what the bot says, and an exact count of what was played of it.

import { Meter } from "./meter.js";

const PREFERRED_RATE = 24000; // above what speech needs, half of what the wire would carry at 48000
const WORKLET = new URL("./worklets/playback.js", import.meta.url);
const TAIL_MS = 2000; // what a sound card and a wireless headset may still hold when a call ends
const NOTHING = Object.freeze({ samples: 0, queued: 0, skipped: 0, underruns: 0, overflow: 0 });

export class Speaker {
  #on;
  #context = null;
  #node = null; // plays one call
  #isLoaded = false; // the worklet, into the context
  #early = []; // what came for the node while its context was made
  #restTimer = null;

  meter = new Meter();
  report = NOTHING; // the last of this call

  /** `on`: {played(samples), cleared(samples)}. */
  constructor(on) {
    this.#on = on;
  }

  /** The page can play what the server sends. */
  get isAble() {
    return this.#isLoaded;
  }

  get rate() {
    return this.#context?.sampleRate ?? PREFERRED_RATE;
  }

  /** Seconds between what was counted as played and the ear, as far as the browser knows. */
  get latencyS() {
    return this.#context?.outputLatency ?? 0;
  }

  /**
   * Wakes the sound; returns null, or the code of a problem.
   *
   * Call it while the person's click or key is being handled: browsers want that.
   */
  async prepare() {
    if (!this.#isSupported) return "insecure";
    clearTimeout(this.#restTimer);
    this.#context ??= newContext();
    this.wake();
    return this.#load();
  }

  /** Goes on after the browser or the system stopped the sound. */
  wake() {
    this.#context?.resume();
  }

  /** A call begins; counts start at zero. `rate`: of what the server sends, mostly what it was asked for. */
  async begin(rate) {
    this.stop();
    if (!this.#isLoaded) return;
    if (rate !== this.rate) await this.#changeRate(rate);
    const node = new AudioWorkletNode(this.#context, "playback", { numberOfInputs: 0, outputChannelCount: [1] });
    node.port.onmessage = ({ data }) => this.#hear(data);
    node.connect(this.#context.destination);
    this.meter.listen(this.#context, node);
    this.#node = node;
    for (const what of this.#early.splice(0)) this.play(what);
  }

  /** Plays `what`: PCM16 (an ArrayBuffer, given away), or does it: "clear", "pause" or "resume". */
  play(what) {
    if (this.#node) this.#node.port.postMessage(what, what instanceof ArrayBuffer ? [what] : []);
    else if (this.#isLoaded) this.#early.push(what);
  }

  /** Silence at once; the call's counts end. */
  stop() {
    this.report = NOTHING;
    this.#early = [];
    if (this.#node === null) return;
    this.#node.port.onmessage = null;
    this.#node.port.postMessage("stop");
    this.#node.disconnect();
    this.#node = null;
    this.meter.source = null;
  }

  /** Between calls the sound card may sleep, once it has played what it holds. */
  rest() {
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => {
      this.stop();
      this.#context?.suspend();
    }, TAIL_MS);
  }

  async #changeRate(rate) {
    this.#context.close();
    this.#context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    await this.#context.audioWorklet.addModule(WORKLET);
  }

  // Worklets are kept from plain http beyond this computer.
  get #isSupported() {
    return window.isSecureContext && "AudioWorkletNode" in window;
  }

  async #load() {
    try {
      await this.#context.audioWorklet.addModule(WORKLET);
      this.#isLoaded = true;
      return null;
    } catch {
      return "sound";
    }
  }

  #hear(report) {
    this.report = { ...this.report, ...report };
    if (report.type === "played") this.#on.played(report.samples);
    else this.#on.cleared(report.samples);
  }
}

function newContext() {
  try {
    return new AudioContext({ sampleRate: PREFERRED_RATE, latencyHint: "interactive" });
  } catch {
    return new AudioContext({ latencyHint: "interactive" }); // the server is asked for this one's rate
  }
}
