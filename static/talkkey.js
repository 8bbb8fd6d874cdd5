// A key to talk: a button to hold, or the space bar. Who lets go, leaves the window or loses the touch is heard no more.
//
// Screen readers and switches click instead of holding: for them a click holds, and the next one lets go.

const OWN_KEYS = "input, select, textarea, button, summary, a"; // the space bar is theirs

export class TalkKey {
  #button;
  #on;
  #held = false;

  /** `on`: {isUsed(): whether there is such a key now, hold(boolean)}. */
  constructor(button, on) {
    this.#button = button;
    this.#on = on;
    button.addEventListener("pointerdown", (event) => event.button === 0 && this.#grasp(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      button.addEventListener(type, () => this.#hold(false));
    }
    button.addEventListener("click", (event) => event.detail === 0 && this.#hold(!this.#held));
    button.addEventListener("contextmenu", (event) => on.isUsed() && event.preventDefault()); // of a long touch
    document.addEventListener("keydown", (event) => this.#isOurs(event) && this.#press(event));
    document.addEventListener("keyup", (event) => this.#isOurs(event) && this.#lift(event));
    window.addEventListener("blur", () => this.#hold(false));
    document.addEventListener("visibilitychange", () => document.hidden && this.#hold(false));
  }

  #grasp(event) {
    if (!this.#on.isUsed()) return;
    this.#button.setPointerCapture(event.pointerId);
    this.#hold(true);
  }

  #isOurs({ code, target }) {
    if (target === this.#button) return code === "Space" || code === "Enter";
    return code === "Space" && !target.closest?.(OWN_KEYS);
  }

  // The browser would scroll, and click the button when the key comes up.
  #press(event) {
    if (!this.#on.isUsed()) return;
    event.preventDefault();
    if (!event.repeat) this.#hold(true);
  }

  #lift(event) {
    if (!this.#held) return;
    event.preventDefault();
    this.#hold(false);
  }

  #hold(on) {
    if (on === this.#held || (on && !this.#on.isUsed())) return;
    this.#held = on;
    this.#on.hold(on);
  }
}
