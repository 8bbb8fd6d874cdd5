// Samples that wait to be played: PCM16 chunks in, floats out. Pure.

export class SampleQueue {
  #chunks = [];
  #start = 0; // the first sample of the oldest chunk that was not pulled yet

  length = 0;

  /** Adds an Int16Array, which from now on belongs to the queue. */
  push(pcm) {
    if (pcm.length === 0) return;
    this.#chunks.push(pcm);
    this.length += pcm.length;
  }

  /** Moves up to `count` samples to the beginning of `out` (Float32Array); returns how many there were. */
  pull(out, count) {
    let done = 0;
    while (done < count && this.length > 0) {
      const chunk = this.#chunks[0];
      const take = Math.min(count - done, chunk.length - this.#start);
      for (let i = 0; i < take; i += 1) out[done + i] = chunk[this.#start + i] / 32768;
      this.#advance(chunk, take);
      done += take;
    }
    return done;
  }

  /** Drops everything; returns how many samples that were. */
  clear() {
    const dropped = this.length;
    this.#chunks = [];
    this.#start = 0;
    this.length = 0;
    return dropped;
  }

  #advance(chunk, count) {
    this.#start += count;
    this.length -= count;
    if (this.#start === chunk.length) {
      this.#chunks.shift();
      this.#start = 0;
    }
  }
}
