// The playback worklet: a Player on the audio thread. One node plays one call and is then stopped for good.

import { Player } from "./player.js";

class Playback extends AudioWorkletProcessor {
  #player = new Player(sampleRate, (report) => this.port.postMessage(report));
  #stopped = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#handle(data);
  }

  process(_inputs, outputs) {
    if (this.#stopped) return false;
    this.#player.render(outputs[0][0]);
    return true;
  }

  #handle(message) {
    if (message instanceof ArrayBuffer) this.#player.push(new Int16Array(message));
    else if (message === "clear") this.#player.clear();
    else if (message === "pause") this.#player.pause();
    else if (message === "resume") this.#player.resume();
    else if (message === "stop") this.#stopped = true;
  }
}

registerProcessor("playback", Playback);
