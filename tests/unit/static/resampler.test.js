import { equal, near, ok } from "./check.js";
import { Resampler } from "/static/worklets/resampler.js";

const tone = (rate, hz, seconds = 0.5) =>
  Float32Array.from({ length: rate * seconds }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));

function resampled(from, to, input, block = 128) {
  const resampler = new Resampler(from, to);
  const out = [];
  for (let i = 0; i < input.length; i += block) out.push(...resampler.process(input.subarray(i, i + block)));
  return out;
}

function decibels(samples) {
  const middle = samples.slice(400, -400);
  return 10 * Math.log10((2 * middle.reduce((sum, value) => sum + value * value, 0)) / middle.length);
}

export const tests = {
  "a voice passes, what would fold over does not"() {
    for (const rate of [44100, 48000, 96000]) {
      near(decibels(resampled(rate, 16000, tone(rate, 1000))), 0, 0.1, `1 kHz at ${rate}`);
      near(decibels(resampled(rate, 16000, tone(rate, 6000))), 0, 0.5, `6 kHz at ${rate}`);
      ok(decibels(resampled(rate, 16000, tone(rate, 9400))) < -43, `9.4 kHz at ${rate}`);
    }
  },

  "the output keeps time with the input"() {
    const expected = tone(16000, 440);
    for (const rate of [44100, 48000]) {
      const out = resampled(rate, 16000, tone(rate, 440));
      ok(expected.length - out.length <= 9, `${out.length} samples`);
      const worst = Math.max(...out.slice(20).map((value, i) => Math.abs(value - expected[i + 20])));
      ok(worst < 0.01, `off by ${worst} at ${rate}`);
    }
  },

  "how the input is cut makes no difference"() {
    const input = tone(44100, 700);
    equal(resampled(44100, 16000, input, 128), resampled(44100, 16000, input, 999));
  },
};
