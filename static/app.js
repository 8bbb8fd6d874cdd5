// Wires things together: buttons to the call, the call to the page.

import { Call } from "./call.js";
import { Conversation } from "./conversation.js";
import { byId } from "./dom.js";
import { Levels } from "./levels.js";
import { Settings } from "./settings.js";
import { QUIET, linkWords, next, phase, phaseWords } from "./state.js";
import { Transcript } from "./transcript.js";
import { TalkKey } from "./talkkey.js";
import { soundWords } from "./words.js";

const COUNTDOWN_MS = 250;

const talkButton = byId("talk");
const microphoneButton = byId("microphone");
const interruptButton = byId("interrupt");
const retryButton = byId("retry");
const textField = byId("text");

const transcript = new Transcript(byId("scroller"), byId("transcript"), byId("announcer"));
const call = new Call({
  url: websocketUrl(),
  token: new URLSearchParams(location.hash.slice(1)).get("token"),
  on: {
    state: onState,
    message: onMessage,
    problem: onProblem,
    unsent: onUnsent,
    devices: () => settings.refreshDevices(),
  },
});
const settings = new Settings(call);
const levels = new Levels(byId("stage"), { caller: call.microphone.meter, bot: call.speaker.meter });

let conversation = new Conversation();
let state = QUIET;
let countdown = null;
let shown = call.state; // the call's state that the page shows
let wasLost = false; // the connection, since the person began

function websocketUrl() {
  const url = new URL("ws", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url.href;
}

// --- what the person does --------------------------------------------------------------------------------------------

talkButton.addEventListener("click", () => {
  if (call.isOn) {
    call.end();
    return;
  }
  startAfresh();
  call.talk(settings.deviceId);
});

microphoneButton.addEventListener("click", () => {
  if (call.microphone.state === "off") call.listen(settings.deviceId);
  else if (!call.hasKey) call.mute(!call.microphone.muted);
});

new TalkKey(microphoneButton, {
  isUsed: () => call.hasKey && call.state.name === "live" && call.microphone.state !== "off",
  hold: (on) => call.hasKey && call.mute(!on),
});

interruptButton.addEventListener("click", () => {
  if (state.bot) call.interrupt();
});

retryButton.addEventListener("click", () => {
  talkButton.focus(); // the button pressed is about to go
  call.retryNow();
});

byId("compose").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = textField.value.trim();
  if (text === "") return;
  if (!call.isOn) startAfresh();
  if (!call.type(text)) return;
  textField.value = "";
  transcript.apply(conversation.type(text));
  show();
});

byId("notice-close").addEventListener("click", () => {
  byId("notice").hidden = true;
  talkButton.focus();
});

window.addEventListener("online", () => call.retryNow());
document.addEventListener("pointerdown", () => call.isOn && call.speaker.wake());

function startAfresh() {
  conversation = new Conversation();
  wasLost = false;
  transcript.clear();
  onProblem(null);
}

// --- what the call does ----------------------------------------------------------------------------------------------

function onMessage(message) {
  state = next(state, message);
  transcript.apply(conversation.receive(message));
  if (message.type === "error" && !message.fatal) showNotice(message.message);
  show();
}

function onState() {
  const changed = shown !== call.state;
  shown = call.state;
  if (changed) onConnection(call.state);
  show();
  if (changed && call.hasKey && document.activeElement === talkButton) microphoneButton.focus(); // to be held by keyboard
}

function onConnection(now) {
  if (now.name !== "live") state = QUIET;
  if (now.name === "waiting" || now.name === "over") transcript.apply(conversation.finish());
  if (now.name === "waiting") wasLost = true;
  if (now.name === "live") onLive();
  showConnection(now);
}

function onLive() {
  transcript.say("Connected.");
  if (wasLost) transcript.apply(conversation.note("Connected again. This is a new call."));
  wasLost = false;
  settings.refreshDevices();
}

function onProblem(code) {
  if (code === null) byId("notice").hidden = true;
  else showNotice(soundWords(code));
  settings.refreshDevices();
}

function onUnsent(text) {
  transcript.apply(conversation.note(`Not sent: ${text}`));
}

// --- what the page shows ---------------------------------------------------------------------------------------------

function show() {
  const name = phase(call.state.name, call.hearing, state);
  document.body.dataset.phase = name;
  document.body.toggleAttribute("data-on", call.isOn);
  document.body.toggleAttribute("data-empty", conversation.items.length === 0);
  setText(byId("phase"), phaseWords(name));
  setText(byId("talk-label"), call.isOn ? "End" : "Talk");
  showMicrophoneButton();
  interruptButton.setAttribute("aria-disabled", String(!state.bot));
  byId("link").dataset.state = call.state.name === "live" ? state.link : call.state.name;
  setText(byId("link"), linkWords(call.state.name, state));
  levels.isOn = call.isOn;
  settings.update();
}

function showMicrophoneButton() {
  const { hearing } = call;
  const words = { off: "Use microphone", on: call.hasKey ? "Let go" : "Mute", muted: "Unmute", released: "Hold to talk" };
  setText(byId("microphone-label"), words[hearing]);
  microphoneButton.dataset.state = hearing;
  microphoneButton.classList.toggle("hold", call.hasKey);
  microphoneButton.disabled = call.state.name !== "live";
}

function showConnection(now) {
  clearInterval(countdown);
  const box = byId("connection");
  box.hidden = !now.text;
  retryButton.hidden = now.name !== "waiting";
  setText(byId("connection-words"), now.text ?? "");
  if (now.text) transcript.say(now.text);
  setText(byId("countdown"), "");
  if (now.name !== "waiting") return;
  showCountdown(now.until);
  countdown = setInterval(() => showCountdown(now.until), COUNTDOWN_MS);
}

function showCountdown(until) {
  const seconds = Math.max(0, Math.ceil((until - performance.now()) / 1000));
  setText(byId("countdown"), seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again.");
}

function showNotice(text) {
  byId("notice").hidden = false;
  setText(byId("notice-words"), text);
  transcript.say(text);
}

// Text that did not change is left alone, so that a screen reader is not told twice.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

if (!window.isSecureContext) showNotice(soundWords("insecure"));
show();
