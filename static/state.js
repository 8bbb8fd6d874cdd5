// Who speaks now, as the server's messages tell it. Pure.

export const QUIET = Object.freeze({ caller: false, bot: false, held: false, thinking: false, link: "up" });

/** The state after a message from the server. */
export function next(state, message) {
  switch (message.type) {
    case "ready":
      return QUIET;
    case "speech_started":
      return { ...state, caller: true, thinking: false };
    case "speech_stopped":
      return { ...state, caller: false };
    case "transcript":
      return message.role === "user" && message.final
        ? { ...state, thinking: message.text !== "" && !state.bot }
        : state;
    case "bot_started":
      return { ...state, bot: true, thinking: false };
    case "bot_stopped":
      return { ...state, bot: false, held: false };
    case "pause":
      return { ...state, held: true };
    case "resume":
    case "clear":
      return { ...state, held: false };
    case "link":
      return { ...state, link: message.state };
    case "error":
      return { ...state, thinking: false };
    default:
      return state;
  }
}

/**
 * What the page shows as going on, one word.
 *
 * `connection`: idle, asking (for the microphone), connecting, live, waiting (to connect again) or over.
 * `microphone`: off, on, muted or released (the key to talk).
 */
export function phase(connection, microphone, state) {
  if (connection !== "live") return connection;
  if (state.caller) return "caller";
  if (state.bot) return state.held ? "held" : "bot";
  if (state.thinking) return "thinking";
  return { on: "listening", muted: "muted", released: "released", off: "typing" }[microphone];
}

const PHASES = {
  idle: "Ready when you are",
  asking: "Waiting for the microphone",
  connecting: "Connecting",
  waiting: "Reconnecting",
  over: "Call ended",
  caller: "You are speaking",
  bot: "The bot is speaking",
  held: "The bot waits for you",
  thinking: "Thinking",
  listening: "Listening",
  muted: "You are muted",
  released: "Hold to talk",
  typing: "Type to talk",
};

/** The words for a phase. */
export function phaseWords(name) {
  return PHASES[name];
}

const LINKS = { up: "Connected", reconnecting: "Model reconnecting", down: "Model down" };
const CONNECTIONS = {
  connecting: "Connecting",
  waiting: "Reconnecting",
  asking: "Not connected",
  idle: "Not connected",
};

/** The words for the link: ours to the server, and where that stands, the server's to the language model. */
export function linkWords(connection, state) {
  if (connection === "live") return LINKS[state.link] ?? state.link;
  return CONNECTIONS[connection] ?? "Not connected";
}
