// The websocket to the server, and its return when it is lost.
//
// States: {name: "connecting"} → {name: "live"} → {name: "waiting", text, until} → connecting ... or
// {name: "over", text}. A call ends for good when the server or the person ended it, or when trying again cannot help.

import { delayS } from "./backoff.js";
import { closing } from "./words.js";

const READY_TIMEOUT_MS = 10_000;
const STALL_MS = 10_000; // nothing could be sent for so long: the network is gone, whatever the socket says
const CHECK_MS = 1_000;
const STEADY_MS = 10_000; // a handshake proves nothing: a server that fails after its greeting is not asked ever faster
const AUDIO_BACKLOG_BYTES = 32_000; // a second of the caller's voice; older than that it is of no use
const NORMAL = 1000;
const ABNORMAL = 1006; // closed without a close frame
const NEW = Object.freeze({ readyMs: null, ended: null, error: null });

export class Connection {
  #url;
  #hello;
  #on;
  #random;
  #socket = null;
  #timer = null; // of the ready deadline, then of the stall check, then of the next attempt
  #attempt = 0;
  #last = NEW; // what the current socket has seen
  #stall = { bytes: 0, sinceMs: 0 };

  state = { name: "idle" };
  droppedAudio = 0; // messages of the caller's voice that could not be sent in time

  /**
   * `url`: of the websocket. `hello()`: the `start` message. `on`: {state(state), message(object), audio(ArrayBuffer)}.
   * `random()`: from [0, 1).
   */
  constructor({ url, hello, on, random = Math.random }) {
    this.#url = url;
    this.#hello = hello;
    this.#on = on;
    this.#random = random;
  }

  /** Connects, at once. Also what "try now" does. */
  open() {
    clearTimeout(this.#timer);
    this.#last = NEW;
    this.#set({ name: "connecting" });
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => socket.send(JSON.stringify(this.#hello()));
    socket.onmessage = ({ data }) => this.#receive(socket, data);
    socket.onclose = ({ code }) => this.#closed(socket, code);
    this.#timer = setTimeout(() => this.#abandon(), READY_TIMEOUT_MS);
  }

  /** Sends a message; false where there is nobody to send it to. */
  send(message) {
    if (!this.#isOpen) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Sends PCM16; late audio is dropped and counted. */
  sendAudio(pcm) {
    if (!this.#isOpen) return;
    if (this.#socket.bufferedAmount > AUDIO_BACKLOG_BYTES) this.droppedAudio += 1;
    else this.#socket.send(pcm);
  }

  /** The person ends the call. */
  end() {
    this.send({ type: "end" });
    this.#leave();
    this.#set({ name: "over", text: "" });
  }

  // The other side may have begun to close.
  get #isOpen() {
    return this.state.name === "live" && this.#socket.readyState === WebSocket.OPEN;
  }

  #receive(socket, data) {
    if (socket !== this.#socket) return;
    if (data instanceof ArrayBuffer) {
      if (data.byteLength % 2 === 0) this.#on.audio(data);
      return;
    }
    const message = parse(data);
    if (message === null) return;
    if (message.type === "ready") this.#ready();
    if (message.type === "ended") this.#last = { ...this.#last, ended: message.reason ?? "" };
    if (message.type === "error" && message.fatal) this.#last = { ...this.#last, error: message.message };
    this.#on.message(message);
  }

  #ready() {
    clearTimeout(this.#timer);
    const nowMs = performance.now();
    this.#last = { ...this.#last, readyMs: nowMs };
    this.#stall = { bytes: 0, sinceMs: nowMs };
    this.#timer = setTimeout(() => this.#check(), CHECK_MS);
    this.#set({ name: "live" });
  }

  #check() {
    const bytes = this.#socket.bufferedAmount;
    const nowMs = performance.now();
    if (bytes === 0 || bytes < this.#stall.bytes) this.#stall = { bytes, sinceMs: nowMs };
    this.#stall.bytes = bytes;
    if (nowMs - this.#stall.sinceMs >= STALL_MS) this.#abandon();
    else this.#timer = setTimeout(() => this.#check(), CHECK_MS);
  }

  // The socket is dead, but may take minutes to notice.
  #abandon() {
    this.#leave();
    this.#lost(ABNORMAL);
  }

  #closed(socket, code) {
    if (socket !== this.#socket) return;
    this.#leave();
    this.#lost(code);
  }

  #leave() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(NORMAL);
  }

  #lost(code) {
    const { readyMs, ended, error } = this.#last;
    const why = closing({ code, wasReady: readyMs !== null, ended, online: navigator.onLine });
    if (readyMs !== null && performance.now() - readyMs >= STEADY_MS) this.#attempt = 0;
    const text = error ?? why.text;
    const wait = why.retry ? delayS(this.#attempt, this.#random, why.leastS) : null;
    if (wait === null) {
      this.#set({ name: "over", text });
      return;
    }
    this.#attempt += 1;
    this.#timer = setTimeout(() => this.open(), wait * 1000);
    this.#set({ name: "waiting", text, until: performance.now() + wait * 1000 });
  }

  #set(state) {
    this.state = state;
    this.#on.state(state);
  }
}

function parse(text) {
  try {
    const message = JSON.parse(text);
    return typeof message?.type === "string" ? message : null;
  } catch {
    return null; // not ours; a client may ignore any message
  }
}
