// A short windowed-sinc resampler for microphones that the browser gives us at their own rate only. Pure.
//
// Eight zero crossings on either side delay the voice by half a millisecond; what lies above 9 kHz is folded over at
// less than -43 dB. For recognising speech delay costs more than the last decibels. Places are kept as whole samples
// and a numerator over the output rate, so nothing drifts, and each of the few fractions that occur has its kernel once.

const ZERO_CROSSINGS = 8;
const ROLL_OFF = 0.92; // the pass band's share of the lower Nyquist frequency

export class Resampler {
  #from;
  #to;
  #cutoff; // relative to the input's Nyquist frequency
  #half; // of the kernel, in input samples
  #kernels = new Map();
  #input = new Float32Array(0);
  #whole = 0; // the place of the next output in #input ...
  #phase = 0; // ... and its fraction, over #to

  constructor(fromRate, toRate) {
    this.#from = fromRate;
    this.#to = toRate;
    const ratio = Math.min(1, toRate / fromRate);
    this.#cutoff = ROLL_OFF * ratio;
    this.#half = Math.ceil(ZERO_CROSSINGS / ratio);
  }

  /** Takes a Float32Array of any length; returns a new one with what can be computed of the output by now. */
  process(samples) {
    const input = new Float32Array(this.#input.length + samples.length);
    input.set(this.#input);
    input.set(samples, this.#input.length);
    const out = [];
    while (this.#whole + this.#half < input.length) {
      out.push(this.#convolve(input));
      this.#phase += this.#from;
      this.#whole += Math.floor(this.#phase / this.#to);
      this.#phase %= this.#to;
    }
    const used = Math.max(0, this.#whole - this.#half + 1);
    this.#input = input.slice(used);
    this.#whole -= used;
    return Float32Array.from(out);
  }

  #convolve(input) {
    const kernel = this.#kernel();
    const first = this.#whole - this.#half + 1;
    let sum = 0;
    for (let i = Math.max(0, -first); i < kernel.length; i += 1) sum += input[first + i] * kernel[i];
    return sum;
  }

  #kernel() {
    if (!this.#kernels.has(this.#phase)) this.#kernels.set(this.#phase, this.#design(this.#phase / this.#to));
    return this.#kernels.get(this.#phase);
  }

  #design(fraction) {
    const kernel = Float32Array.from({ length: 2 * this.#half }, (_, i) => {
      const x = i - this.#half + 1 - fraction;
      const phase = Math.PI * this.#cutoff * x;
      const window = 0.5 + 0.5 * Math.cos((Math.PI * x) / this.#half);
      return (phase === 0 ? 1 : Math.sin(phase) / phase) * window;
    });
    const gain = kernel.reduce((sum, value) => sum + value, 0);
    return kernel.map((value) => value / gain);
  }
}
