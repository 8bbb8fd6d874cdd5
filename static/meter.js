// How loud a source is, from 0 to 1, as an ear would put it.

const SILENCE_DB = -55;
const LOUD_DB = -12;
const WINDOW = 512;
const FALL_PER_S = 3.5; // of the whole scale: quick enough to follow syllables, slow enough to look at

/** A level in [0, 1] for the root mean square of samples in [-1, 1]. */
export function levelOf(rms) {
  const db = 20 * Math.log10(Math.max(rms, 1e-6));
  return Math.max(0, Math.min(1, (db - SILENCE_DB) / (LOUD_DB - SILENCE_DB)));
}

export class Meter {
  #samples = new Float32Array(WINDOW);
  #level = 0;
  #readMs = 0;

  source = null; // an AnalyserNode, or null

  /** Measures what `node` gives from now on. */
  listen(context, node) {
    this.source = new AnalyserNode(context, { fftSize: WINDOW });
    node.connect(this.source);
  }

  /** The level at `nowMs`: it rises at once and falls slowly. */
  read(nowMs) {
    const fallen = this.#level - (FALL_PER_S * Math.min(nowMs - this.#readMs, 100)) / 1000;
    this.#readMs = nowMs;
    this.#level = Math.max(this.#measure(), fallen, 0);
    return this.#level;
  }

  #measure() {
    if (this.source === null) return 0;
    this.source.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return levelOf(Math.sqrt(sum / WINDOW));
  }
}
