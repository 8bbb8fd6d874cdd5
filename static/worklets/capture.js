// The capture worklet: the microphone as PCM16 messages of 32 ms, which the server's voice detector takes at a time.

import { Resampler } from "./resampler.js";

const MESSAGE_S = 0.032;

class Capture extends AudioWorkletProcessor {
  #resampler;
  #message;
  #filled = 0;
  #stopped = false;

  constructor({ processorOptions: { rate } }) {
    super();
    this.#resampler = rate === sampleRate ? null : new Resampler(sampleRate, rate);
    this.#message = new Int16Array(Math.round(MESSAGE_S * rate));
    this.port.onmessage = ({ data }) => {
      this.#stopped = data === "stop";
    };
  }

  process([input]) {
    if (this.#stopped) return false;
    if (input.length > 0) this.#write(this.#resampler ? this.#resampler.process(input[0]) : input[0]);
    return true;
  }

  #write(samples) {
    for (const sample of samples) {
      this.#message[this.#filled] = Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
      this.#filled += 1;
      if (this.#filled === this.#message.length) this.#send();
    }
  }

  #send() {
    const full = this.#message;
    this.#message = new Int16Array(full.length);
    this.#filled = 0;
    this.port.postMessage(full.buffer, [full.buffer]);
  }
}

registerProcessor("capture", Capture);
