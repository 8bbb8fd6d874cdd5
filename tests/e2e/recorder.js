// A worklet that tells what it hears, block by block: how the tests listen to the page's output.

class Recorder extends AudioWorkletProcessor {
  process([input]) {
    if (input.length > 0) this.port.postMessage({ frame: currentFrame, samples: input[0].slice() });
    return true;
  }
}

registerProcessor("recorder", Recorder);
