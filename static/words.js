// What the page says when something goes wrong, and whether trying again can help. Pure.

const RETRY = { retry: true, leastS: 0 };
const GIVE_UP = { retry: false, leastS: 0 };
const BUSY = { retry: true, leastS: 4 }; // the server asked for room

const CLOSINGS = {
  1001: { ...RETRY, text: "The server is going away." },
  1003: { ...GIVE_UP, text: "The server did not understand this page. Reload it to get the newest version." },
  1007: { ...GIVE_UP, text: "The server did not understand this page. Reload it to get the newest version." },
  1008: {
    ...GIVE_UP,
    text: "The server refused the call. The link you opened may lack its access token, or be too old.",
  },
  1009: { ...GIVE_UP, text: "That message was too long for the server." },
  1011: { ...RETRY, text: "Something went wrong on the server." },
  1012: { ...BUSY, text: "The server is restarting." },
  1013: { ...BUSY, text: "The server is full." },
  4408: { ...RETRY, text: "Your connection was too slow for the call." },
};

const LOST = { ...RETRY, text: "The connection was lost." };
const UNREACHED = { ...RETRY, text: "The server is away, or takes no more calls just now." };
const OFFLINE = { ...RETRY, text: "You are offline." };

/**
 * Why a connection closed: `{text, retry, leastS}`.
 *
 * `code` is the websocket close code. `wasReady`: a call was going on. `ended`: the reason that the server gave in its
 * last message, null where it gave none.
 * Browsers do not tell a page what a refused upgrade answered, so a full server (503) looks like an absent one.
 */
export function closing({ code, wasReady, ended, online }) {
  const isOver = code === 1000 || (ended !== null && (code === 1005 || code === 1006));
  if (isOver) return { ...GIVE_UP, text: ended ? `The call has ended: ${ended}.` : "The call has ended." };
  if (code in CLOSINGS) return CLOSINGS[code];
  if (!online) return OFFLINE;
  return wasReady ? LOST : UNREACHED;
}

const SOUND = {
  insecure:
    "Browsers give a page without https no microphone and no sound, except on this computer. You can still type.",
  unsupported: "This browser cannot record sound. You can still type.",
  refused:
    "The microphone was refused. Allow it in the browser’s settings for this site and press Talk again, or type.",
  missing: "No microphone was found. Plug one in and press Talk again, or type.",
  busy: "The microphone does not start. Another program may be using it. You can still type.",
  lost: "The microphone was unplugged. Choose another one in Settings, or type.",
  sound: "The sound could not be started, so the bot cannot be heard. Reload the page, or go on in writing.",
  silent: "The system has switched the microphone off. Check its button or the sound settings.",
};

/** The sentence for a problem with the microphone or the speaker, by its code. */
export function soundWords(code) {
  return SOUND[code];
}

const PROBLEMS = {
  NotAllowedError: "refused",
  SecurityError: "refused",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
};

/** The code of an error that `getUserMedia` threw. */
export function problemOf(error) {
  return PROBLEMS[error.name] ?? "busy";
}
