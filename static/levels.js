// The ring and the two meters move with the voices.

const STEPS = 50; // of a level; smaller changes are not worth a repaint

export class Levels {
  #element;
  #meters;
  #frame = null;

  /** Sets the CSS properties `--caller` and `--bot` (0 to 1) on `element`. `meters`: {caller, bot}. */
  constructor(element, meters) {
    this.#element = element;
    this.#meters = meters;
  }

  /** Moves while a call is on; rests otherwise. */
  set isOn(on) {
    if (on && this.#frame === null) this.#frame = requestAnimationFrame((nowMs) => this.#draw(nowMs));
    if (!on) this.#stop();
  }

  #draw(nowMs) {
    this.#set("--caller", this.#meters.caller.read(nowMs));
    this.#set("--bot", this.#meters.bot.read(nowMs));
    this.#frame = requestAnimationFrame((nextMs) => this.#draw(nextMs));
  }

  #stop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = null;
    this.#set("--caller", 0);
    this.#set("--bot", 0);
  }

  #set(property, level) {
    const rounded = String(Math.round(level * STEPS) / STEPS);
    const { style } = this.#element;
    if (style.getPropertyValue(property) !== rounded) style.setProperty(property, rounded);
  }
}
