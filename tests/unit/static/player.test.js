import { equal, near, ok } from "./check.js";
import { Player } from "/static/worklets/player.js";

const RATE = 24000;
const BLOCK = 128;
const ms = (value) => (value * RATE) / 1000;
const loud = (count, value = 16384) => new Int16Array(count).fill(value);

// Renders blocks of a player and keeps what it said.
class Bench {
  reports = [];
  out = [];
  player = new Player(RATE, (report) => this.reports.push(report));

  run(samples) {
    for (let done = 0; done < samples; done += BLOCK) {
      const block = new Float32Array(BLOCK);
      this.player.render(block);
      this.out.push(...block);
    }
    return this;
  }

  get sounding() {
    return this.out.filter((value) => value !== 0).length;
  }

  get last() {
    return this.reports.at(-1);
  }
}

export const tests = {
  "all that came is played, once and in order"() {
    const bench = new Bench();
    for (let start = 1; start < 9000; start += 450)
      bench.player.push(Int16Array.from({ length: 450 }, (_, i) => start + i));
    bench.run(12000);
    const first = bench.out.findIndex((value) => value !== 0);
    const played = bench.out.slice(first, first + 9000).map((value) => Math.round(value * 32768));
    equal(
      played.slice(128, 8800),
      Array.from({ length: 8672 }, (_, i) => 129 + i),
      "between the fades",
    );
    equal(bench.last, { type: "played", samples: 9000, queued: 0, underruns: 0, overflow: 0 });
    equal(bench.player.state, "empty");
  },

  "it waits for 40 ms of sound"() {
    const bench = new Bench();
    bench.player.push(loud(ms(39)));
    equal(bench.run(BLOCK).sounding, 0);
    bench.player.push(loud(ms(2)));
    equal(bench.run(BLOCK).sounding, BLOCK);
  },

  "a short answer is played after 60 ms"() {
    const bench = new Bench();
    bench.player.push(loud(ms(5)));
    equal(bench.run(ms(58)).sounding, 0);
    equal(bench.run(ms(20)).sounding, ms(5));
  },

  "less than a block is heard too"() {
    const bench = new Bench();
    bench.player.push(loud(10));
    bench.run(ms(100));
    equal([bench.sounding, bench.last.samples], [10, 10]);
  },

  "a clear fades one block out and counts it"() {
    const bench = new Bench();
    bench.player.push(loud(ms(500)));
    bench.run(BLOCK * 20);
    bench.player.clear();
    bench.run(BLOCK * 10);
    equal(bench.sounding, BLOCK * 21);
    equal(bench.last, { type: "cleared", samples: BLOCK * 21, skipped: ms(500) - BLOCK * 21 });
  },

  "no step between samples is louder than a fade's"() {
    const bench = new Bench();
    bench.player.push(loud(ms(500)));
    bench.run(BLOCK * 10);
    bench.player.pause();
    bench.run(BLOCK * 4);
    bench.player.resume();
    bench.run(BLOCK * 10);
    bench.player.clear();
    bench.run(BLOCK * 4);
    const steps = bench.out.map((value, i) => Math.abs(value - (bench.out[i - 1] ?? 0)));
    near(Math.max(...steps), 0.5 / BLOCK, 0.001, "largest step of a signal at one half");
  },

  "a clear in silence is answered at once"() {
    const bench = new Bench();
    bench.player.clear();
    equal(bench.reports, [{ type: "cleared", samples: 0, skipped: 0 }]);
  },

  "each clear is answered, also two within one block"() {
    const bench = new Bench();
    bench.player.push(loud(ms(500)));
    bench.run(BLOCK * 20);
    bench.player.clear();
    bench.player.push(loud(100));
    bench.player.clear();
    bench.run(BLOCK);
    const cleared = bench.reports.filter(({ type }) => type === "cleared");
    equal(
      cleared.map(({ samples }) => samples),
      [BLOCK * 21, BLOCK * 21],
    );
    equal(cleared[0].skipped, ms(500) - BLOCK * 21 + 100);
  },

  "what comes right after a clear is played whole"() {
    const bench = new Bench();
    bench.player.push(loud(ms(500)));
    bench.run(BLOCK * 20);
    bench.player.clear();
    bench.player.push(loud(ms(100)));
    bench.run(ms(300));
    equal(bench.player.played, BLOCK * 21 + ms(100));
    equal(bench.sounding, bench.player.played);
  },

  "a pause keeps what is buffered, and what comes meanwhile"() {
    const bench = new Bench();
    bench.player.push(loud(ms(200)));
    bench.run(BLOCK * 8);
    bench.player.pause();
    bench.run(ms(100));
    equal(bench.sounding, BLOCK * 9, "one block of fading out");
    equal(bench.last.samples, BLOCK * 9, "told at once");
    bench.player.push(loud(ms(50)));
    equal(bench.run(ms(500)).sounding, BLOCK * 9, "still held");
    bench.player.resume();
    bench.run(ms(500));
    equal([bench.sounding, bench.player.played], [ms(250), ms(250)]);
    equal(bench.player.underruns, 0);
  },

  "a clear ends a pause"() {
    const bench = new Bench();
    bench.player.push(loud(ms(200)));
    bench.run(BLOCK * 8);
    bench.player.pause();
    bench.run(BLOCK * 4);
    bench.player.clear();
    equal(bench.last, { type: "cleared", samples: BLOCK * 9, skipped: ms(200) - BLOCK * 9 });
    bench.player.push(loud(ms(50)));
    bench.run(ms(200));
    equal(bench.player.played, BLOCK * 9 + ms(50));
  },

  "resume without a pause does nothing"() {
    const bench = new Bench();
    bench.player.resume();
    equal(bench.player.state, "empty");
  },

  "sound that comes late is an underrun, the next answer is not"() {
    const bench = new Bench();
    bench.player.push(loud(ms(50)));
    bench.run(ms(150));
    bench.player.push(loud(ms(50)));
    bench.run(ms(150));
    equal(bench.player.underruns, 1);
    bench.run(ms(600));
    bench.player.push(loud(ms(50)));
    bench.run(ms(150));
    equal(bench.player.underruns, 1);
  },

  "it reports about every 100 ms, and only what is new"() {
    const bench = new Bench();
    bench.player.push(loud(ms(1000)));
    bench.run(ms(3000));
    const played = bench.reports.map(({ samples }) => samples);
    ok(played.length >= 10 && played.length <= 12, `${played.length} reports`);
    equal(
      played,
      [...new Set(played)].sort((a, b) => a - b),
    );
    equal(played.at(-1), ms(1000));
  },

  "its queue has a bound, and what is refused is counted"() {
    const bench = new Bench();
    for (let i = 0; i < 61; i += 1) bench.player.push(loud(RATE));
    equal(bench.player.overflow, RATE);
  },
};
