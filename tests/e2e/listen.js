// Runs before the page's own scripts: taps each playback node, and notes when messages reach the page.

window.heard = []; // blocks of each playback node: [[{frame, samples}]]
window.arrived = []; // {type, contextTime} of each text message

const addModule = AudioWorklet.prototype.addModule;
AudioWorklet.prototype.addModule = async function (url) {
  await addModule.call(this, "/tests/e2e/recorder.js");
  return addModule.call(this, url);
};

const Node = window.AudioWorkletNode;
window.AudioWorkletNode = class extends Node {
  constructor(context, name, options) {
    super(context, name, options);
    if (name !== "playback") return;
    const blocks = [];
    window.heard.push(blocks);
    window.output = context;
    const recorder = new Node(context, "recorder", { numberOfOutputs: 0 });
    recorder.port.onmessage = ({ data }) => blocks.push(data);
    this.connect(recorder);
  }
};

const Socket = window.WebSocket;
window.WebSocket = class extends Socket {
  constructor(url) {
    super(url);
    this.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") return;
      window.arrived.push({ type: JSON.parse(data).type, contextTime: window.output?.currentTime ?? 0 });
    });
  }
};
