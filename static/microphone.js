// The microphone: permission, choice of device, capture at the wire's rate.

import { Meter } from "./meter.js";
import { problemOf } from "./words.js";

export const MICROPHONE_RATE = 16000;

const WORKLET = new URL("./worklets/capture.js", import.meta.url);

export class Microphone {
  #on;
  #stream = null;
  #context = null;
  #node = null;
  #muted = false;

  meter = new Meter();

  /** `on`: {pcm(ArrayBuffer of PCM16 at MICROPHONE_RATE), problem(code, or null when it is over), devices()}. */
  constructor(on) {
    this.#on = on;
    navigator.mediaDevices?.addEventListener("devicechange", () => on.devices());
  }

  /** off, on or muted. */
  get state() {
    if (this.#stream === null) return "off";
    return this.#muted ? "muted" : "on";
  }

  /** What the browser says of the open microphone, or null: {label, deviceId, sampleRate}. */
  get settings() {
    const track = this.#stream?.getAudioTracks()[0];
    return track ? { ...track.getSettings(), label: track.label, sampleRate: this.#context.sampleRate } : null;
  }

  /** Opens a device (null: the browser's choice). Returns null, or the code of a problem. */
  async open(deviceId = null) {
    if (!window.isSecureContext) return "insecure";
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) return "unsupported";
    let stream = null;
    try {
      stream = await opened(deviceId);
      const context = await capturing(stream);
      this.close();
      this.#connect(stream, context);
      return null;
    } catch (error) {
      stream?.getTracks().forEach((track) => track.stop());
      return problemOf(error);
    }
  }

  close() {
    this.#node?.port.postMessage("stop");
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#context?.close();
    this.meter.source = null;
    this.#stream = this.#context = this.#node = null;
  }

  /** While muted nothing is captured and nothing is sent. */
  set muted(on) {
    this.#muted = on;
    this.#stream?.getAudioTracks().forEach((track) => {
      track.enabled = !on;
    });
  }

  get muted() {
    return this.#muted;
  }

  /** The microphones that there are: [{deviceId, label}]. Browsers name them once one was allowed. */
  async devices() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId !== "");
  }

  #connect(stream, { context, source, node }) {
    this.#stream = stream;
    this.#context = context;
    this.#node = node;
    this.meter.listen(context, source);
    node.port.onmessage = ({ data }) => {
      if (!this.#muted && this.#node === node) this.#on.pcm(data);
    };
    const track = stream.getAudioTracks()[0];
    track.enabled = !this.#muted;
    track.onended = () => this.#lose(stream);
    track.onmute = () => this.#on.problem("silent");
    track.onunmute = () => this.#on.problem(null);
  }

  #lose(stream) {
    if (stream !== this.#stream) return;
    this.close();
    this.#on.problem("lost");
  }
}

const WISHES = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };

// Chromium heeds a device only where it is demanded. One that is gone is no reason to be without a microphone.
async function opened(deviceId) {
  const { mediaDevices } = navigator;
  if (!deviceId) return mediaDevices.getUserMedia({ audio: WISHES });
  try {
    return await mediaDevices.getUserMedia({ audio: { ...WISHES, deviceId: { exact: deviceId } } });
  } catch (error) {
    if (problemOf(error) !== "missing") throw error;
    return mediaDevices.getUserMedia({ audio: WISHES });
  }
}

// Browsers that cannot join a stream and a context of different rates get a context of their own rate, and the worklet
// resamples.
async function capturing(stream) {
  try {
    return await captureIn(new AudioContext({ sampleRate: MICROPHONE_RATE, latencyHint: "interactive" }), stream);
  } catch {
    return captureIn(new AudioContext({ latencyHint: "interactive" }), stream);
  }
}

async function captureIn(context, stream) {
  try {
    await context.audioWorklet.addModule(WORKLET);
    const source = context.createMediaStreamSource(stream);
    const node = new AudioWorkletNode(context, "capture", {
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { rate: MICROPHONE_RATE },
    });
    source.connect(node).connect(context.destination); // it plays nothing; some browsers only run what is connected
    context.resume();
    return { context, source, node };
  } catch (error) {
    context.close();
    throw error;
  }
}
