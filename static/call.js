// One call at a time: the connection, the microphone and the speaker, and the order in which they start and stop.

import { Connection } from "./connection.js";
import { MICROPHONE_RATE, Microphone } from "./microphone.js";
import { Speaker } from "./speaker.js";

const PENDING_CAPACITY = 8; // typed before the server is there
const IDLE = Object.freeze({ name: "idle" });

export class Call {
  #url;
  #token;
  #on;
  #connection = null;
  #pending = [];

  state = IDLE; // {name: "idle" | "asking"}, or the connection's state
  hasKey = false; // the person talks by holding a key
  ready = null; // the server's last `ready`

  /** `on`: {state(), message(object), problem(code), unsent(text), devices()}; `token`: null, or what the server asks for. */
  constructor({ url, token, on }) {
    this.#url = url;
    this.#token = token;
    this.#on = on;
    this.microphone = new Microphone({
      pcm: (pcm) => this.#connection?.sendAudio(pcm),
      problem: (code) => this.#microphoneChanged(code),
      devices: () => on.devices(),
    });
    this.speaker = new Speaker({
      played: (samples) => this.#send({ type: "played", samples }),
      cleared: (samples) => this.#send({ type: "cleared", samples }),
    });
  }

  /** A call is going on, or about to. */
  get isOn() {
    return this.state.name !== "idle" && this.state.name !== "over";
  }

  /** off, on, muted, or released: the key to talk is not held. */
  get hearing() {
    const { state } = this.microphone;
    return state === "muted" && this.hasKey ? "released" : state;
  }

  get droppedAudio() {
    return this.#connection?.droppedAudio ?? 0;
  }

  /** Begins a call by voice. */
  async talk(deviceId) {
    if (this.isOn) return;
    const asking = this.#set({ name: "asking" });
    const prepared = this.speaker.prepare();
    this.microphone.muted = this.hasKey;
    const problem = await this.microphone.open(deviceId);
    if (this.state !== asking) {
      if (!this.isOn) this.microphone.close(); // the person gave up while the browser asked
      return;
    }
    if (problem === null || this.#pending.length > 0) await this.#connect(prepared);
    else this.#set(IDLE);
    if (problem !== null) this.#on.problem(problem);
  }

  /** Says something by keyboard; begins a call where there is none. False when it cannot be taken now. */
  type(text) {
    if (this.#send({ type: "text", text })) return true;
    if (this.#pending.length >= PENDING_CAPACITY) return false;
    this.#pending.push(text);
    if (!this.isOn) {
      this.microphone.muted = this.hasKey;
      this.#connect(this.speaker.prepare());
    }
    return true;
  }

  /** Opens the microphone, or another one, in a call that goes on. */
  async listen(deviceId) {
    const problem = await this.microphone.open(deviceId);
    if (!this.isOn) this.microphone.close();
    this.#microphoneChanged(problem);
  }

  /** Switches the microphone off or on; with a key to talk: the key is let go or held. */
  mute(on) {
    this.microphone.muted = on;
    this.#tellMuted();
    this.#on.state();
  }

  /** Talking by holding a key, or without one. */
  useKey(on) {
    this.hasKey = on;
    this.mute(on);
  }

  interrupt() {
    this.#send({ type: "interrupt" });
  }

  press(digit) {
    this.#send({ type: "dtmf", digits: digit });
  }

  end() {
    this.speaker.stop();
    if (this.#connection) this.#connection.end();
    else this.#set(IDLE);
  }

  /** Does not wait for the next attempt. */
  retryNow() {
    if (this.state.name === "waiting") this.#connection.open();
  }

  #tellMuted() {
    this.#send({ type: this.microphone.muted ? "mute" : "unmute", ...(this.hasKey && { key: true }) });
  }

  #send(message) {
    return this.#connection?.send(message) ?? false;
  }

  async #connect(prepared) {
    const connecting = this.#set({ name: "connecting" });
    const problem = await prepared;
    if (this.state !== connecting) return;
    if (problem !== null) this.#on.problem(problem); // a call without sound is better than none
    this.#connection = new Connection({
      url: this.#url,
      hello: () => this.#hello(),
      on: {
        state: (state) => this.#set(state),
        message: (message) => this.#receive(message),
        audio: (pcm) => this.speaker.play(pcm),
      },
    });
    this.#connection.open();
  }

  #hello() {
    return {
      type: "start",
      sample_rate: MICROPHONE_RATE,
      output_sample_rate: this.speaker.rate,
      can: this.speaker.isAble ? ["clear", "pause", "played"] : [],
      echo: false, // the browser cancels it (microphone.js)
      ...(this.#token && { token: this.#token }),
      metadata: {},
    };
  }

  #receive(message) {
    if (message.type === "ready") this.#begin(message);
    if (["clear", "pause", "resume"].includes(message.type)) this.speaker.play(message.type);
    this.#on.message(message);
  }

  #begin(ready) {
    this.ready = ready;
    this.speaker.begin(ready.output_sample_rate).catch(() => this.#on.problem("sound"));
    if (this.microphone.muted || this.hasKey) this.#tellMuted();
    for (const text of this.#pending.splice(0)) this.#send({ type: "text", text });
  }

  #microphoneChanged(code) {
    this.#on.problem(code);
    this.#on.state();
  }

  #set(state) {
    this.state = state;
    if (state.name === "over" || state.name === "idle") this.#release();
    this.#on.state();
    return state;
  }

  #release() {
    this.#connection = null;
    for (const text of this.#pending.splice(0)) this.#on.unsent(text);
    this.microphone.close();
    this.speaker.rest();
  }
}
