// The newest samples of a patient and the pen's place in them: a jitter buffer on the sample clock. Pure.

import { decode } from "./samples.js";

const SECONDS = 30; // of samples kept: a sweep of the widest screen at 12.5 mm/s
const DELAY = 0.4; // seconds behind the newest sample (300–500 ms), so that late blocks are not seen
const CATCH_UP = 3; // seconds behind after which the pen jumps
export const CORNER = 0.5; // Hz: the first-order high-pass of the display (monitor bandwidth)

export class Signal {
  rate = 0;
  leads = [];
  end = 0; // index after the newest sample
  play = 0; // index that the pen has reached
  session = "";
  #rings = [];
  #means = [];
  #block = 0;

  /** Take a block; what is missing before it is a hole, what was there already changes nothing. */
  push(block) {
    const { samples, count } = decode(block);
    if (block.session !== this.session || block.rate !== this.rate) this.#restart(block, samples, count);
    const size = this.#rings[0].length;
    const from = Math.max(block.first, this.end);
    const hole = Math.min(Math.max(block.first - this.end, 0), size);
    this.#rings.forEach((ring, lead) => {
      for (let i = block.first - hole; i < block.first; i++) ring[i % size] = NaN;
      for (let i = from; i < block.first + count; i++) {
        ring[i % size] = this.#flat(lead, samples[lead * count + i - block.first] * block.uv_per_lsb[lead]);
      }
    });
    this.#block = count / block.rate;
    this.end = Math.max(this.end, block.first + count);
  }

  /** Microvolts of a lead, without its baseline; NaN where nothing came. */
  at(index, lead = 0) {
    const ring = this.#rings[lead];
    return index >= this.end || index < this.end - ring.length ? NaN : ring[index % ring.length];
  }

  /** Move the pen on by `seconds`, a little faster or slower to stay DELAY behind; it never waits for lost samples. */
  advance(seconds) {
    const lag = (this.end - this.play) / this.rate - DELAY - this.#block / 2;
    if (lag > CATCH_UP) this.play = this.end - Math.round(DELAY * this.rate);
    else this.play = Math.min(this.end, this.play + seconds * this.rate * Math.max(0, 1 + 0.3 * lag));
  }

  /** y[i] = x[i] − m[i], where the mean m follows x with a time constant of 1 / (2π CORNER). */
  #flat(lead, value) {
    this.#means[lead] += (value - this.#means[lead]) * ((2 * Math.PI * CORNER) / this.rate);
    return value - this.#means[lead];
  }

  #restart(block, samples, count) {
    Object.assign(this, { session: block.session, rate: block.rate, leads: block.leads });
    this.#rings = block.leads.map(() => new Float32Array(Math.ceil(SECONDS * block.rate)).fill(NaN));
    this.#means = block.leads.map((_, lead) => samples[lead * count] * block.uv_per_lsb[lead]);
    this.end = this.play = block.first;
  }
}
