// What the speaker plays, when, and how much of it was played. Pure: its clock is the frames it was asked to render.
//
//            push                 enough buffered, or waited long enough
//   EMPTY ─────────► FILLING ─────────────────────────────────────────► PLAYING ──► EMPTY when it runs dry
//   pause: any state ─► HELD        resume: HELD ─► FILLING or EMPTY        clear: any state ─► EMPTY
//
// Every stop fades out over one block of real audio, and every start fades in, so that neither clicks. A sample counts
// as played when it was rendered, at whatever gain; the gain of a rendered sample is never zero.

import { SampleQueue } from "./queue.js";

const START_BUFFER_S = 0.04; // enough against the jitter of a home network
const START_WAIT_S = 0.06; // a short answer never reaches START_BUFFER_S
const UNDERRUN_GAP_S = 0.5; // audio that comes later than this after the last is a new utterance, not a late one
const REPORT_S = 0.1;
const CAPACITY_S = 60; // above the server's own bound of 45 s
const BLOCK = 128; // Web Audio's render quantum

const [EMPTY, FILLING, PLAYING, HELD] = ["empty", "filling", "playing", "held"];

export class Player {
  #rate;
  #post;
  #queue = new SampleQueue();
  #tail = null; // what fades out after a `clear`; the queue already belongs to what comes next
  #tailLength = 0;
  #clears = 0; // to be answered once the tail is played
  #gain = 0; // at the end of the last block
  #now = 0; // frames rendered since the beginning
  #since = 0; // when FILLING began
  #dryAt = -Infinity;
  #reportedAt = 0;
  #reported = 0;
  #skipped = 0; // dropped by a `clear`, not told yet

  state = EMPTY;
  played = 0;
  underruns = 0;
  overflow = 0; // samples refused because the queue was full

  /** `rate`: frames a second. `post` gets `{type: "played" | "cleared", samples, ...}`. */
  constructor(rate, post) {
    this.#rate = rate;
    this.#post = post;
  }

  push(pcm) {
    if (this.#queue.length + pcm.length > CAPACITY_S * this.#rate) {
      this.overflow += pcm.length;
      return;
    }
    if (pcm.length > 0 && this.state === EMPTY) {
      if (this.#now - this.#dryAt < UNDERRUN_GAP_S * this.#rate) this.underruns += 1;
      this.#dryAt = -Infinity;
      this.#fill();
    }
    this.#queue.push(pcm);
  }

  pause() {
    this.state = HELD;
  }

  resume() {
    if (this.state !== HELD) return;
    if (this.#queue.length > 0) this.#fill();
    else this.state = EMPTY;
  }

  /** Drops what is queued. Answered by `cleared`: at once where it is silent, else after one block of fading out. */
  clear() {
    if (this.#gain > 0 && this.#tail === null) {
      this.#tail = new Float32Array(BLOCK);
      this.#tailLength = this.#queue.pull(this.#tail, BLOCK);
    }
    this.#skipped += this.#queue.clear();
    this.#clears += 1;
    this.state = EMPTY;
    this.#dryAt = -Infinity;
    if (this.#tail === null) this.#answerClears();
  }

  /** Renders one block into `out`, which comes zeroed. */
  render(out) {
    if (this.#tail !== null) this.#renderTail(out);
    else this.#renderQueue(out);
    this.#now += out.length;
    if (this.#now - this.#reportedAt >= REPORT_S * this.#rate) this.#report();
  }

  #fill() {
    this.state = FILLING;
    this.#since = this.#now;
  }

  #renderTail(out) {
    out.set(this.#tail.subarray(0, this.#tailLength));
    this.#fade(out, this.#tailLength, 0);
    this.#tail = null;
    this.#answerClears();
  }

  #renderQueue(out) {
    if (this.state === FILLING && this.#isReady()) this.state = PLAYING;
    if (this.state !== PLAYING && this.#gain === 0) return;
    const last = this.#queue.length <= out.length;
    const goesOn = this.state === PLAYING && (!last || this.#gain === 0);
    this.#fade(out, this.#queue.pull(out, out.length), goesOn ? 1 : 0);
    if (last && this.state === PLAYING) this.#runDry();
    if (this.state !== PLAYING) this.#report();
  }

  #isReady() {
    return this.#queue.length >= START_BUFFER_S * this.#rate || this.#now - this.#since >= START_WAIT_S * this.#rate;
  }

  #runDry() {
    this.state = EMPTY;
    this.#gain = 0;
    this.#dryAt = this.#now;
  }

  #fade(out, count, to) {
    const from = this.#gain;
    if (from < to) for (let i = 0; i < count; i += 1) out[i] *= (i + 1) / count;
    if (from > to) for (let i = 0; i < count; i += 1) out[i] *= 1 - i / count;
    this.#gain = to;
    this.played += count;
  }

  #answerClears() {
    for (; this.#clears > 0; this.#clears -= 1) {
      this.#post({ type: "cleared", samples: this.played, skipped: this.#skipped });
      this.#skipped = 0;
    }
    this.#reported = this.played;
  }

  #report() {
    this.#reportedAt = this.#now;
    if (this.played === this.#reported) return;
    this.#reported = this.played;
    this.#post({
      type: "played",
      samples: this.played,
      queued: this.#queue.length,
      underruns: this.underruns,
      overflow: this.overflow,
    });
  }
}
