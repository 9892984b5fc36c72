// A sweeping trace on a canvas: draws only the columns that the pen passes, with an erase bar ahead.

import { MM, calibration, fit, scale } from "./paper.js";

const BAR = 6 * MM; // erased ahead of the pen
const MARGIN = 6 * MM; // of the calibration pulse, left of the sweep
const BASE = 0.6; // of a lead's height: the baseline, as R waves mostly point up
const HEAD = 14; // pixels above the leads for beat labels, when they are shown
const LABEL = 8; // pixels that a beat label reaches beyond its R
const EDGE = 2; // pixels of a line that may reach into the next column

export class Sweep {
  #canvas;
  #pen;
  #drawn = NaN; // sample that the pen has drawn up to
  #session = "";
  #labelled = -1; // sample of the last beat that was named

  /** `look`: { speed, gain, leads, beats }; `ink`: the colours of strip.js. */
  constructor(canvas, look, ink) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d", { alpha: false });
    this.look = { speed: 25, gain: 10, leads: 1, beats: false, ...look };
    this.ink = ink;
  }

  /** Draw what the pen has passed since the last call; `beats` are labelled as they come. */
  draw(signal, beats = []) {
    if (!signal.rate) return this.#blank();
    const fresh = fit(this.#canvas) || signal.session !== this.#session;
    if (fresh || signal.play < this.#drawn) this.#begin(signal);
    const per = scale(this.look.speed, this.look.gain).second / signal.rate;
    const wide = this.#canvas.clientWidth - MARGIN;
    this.#drawn = Math.max(this.#drawn, signal.play - (wide - BAR) / per);
    const [from, to] = [this.#drawn, signal.play];
    if (Math.floor(to) > Math.floor(from)) {
      this.#erase(from * per, to * per, wide);
      for (let lead = 0; lead < this.#count(signal); lead++) this.#trace(signal, lead, from, to, per, wide);
      this.#drawn = to;
    }
    if (this.look.beats) this.#label(signal, beats, per, wide);
  }

  /** Show nothing: no signal has come. */
  #blank() {
    if (fit(this.#canvas)) this.#clear();
  }

  #begin(signal) {
    this.#clear();
    this.#session = signal.session;
    this.#labelled = -1;
    this.#drawn = signal.play;
    for (let lead = 0; lead < this.#count(signal); lead++) {
      calibration(this.#pen, 2, this.#middle(signal, lead), this.look.gain, this.ink.dim);
    }
  }

  #clear() {
    this.#pen.fillStyle = this.ink.back;
    this.#pen.fillRect(0, 0, this.#canvas.clientWidth, this.#canvas.clientHeight);
  }

  #count(signal) {
    return Math.min(this.look.leads, signal.leads.length);
  }

  #middle(signal, lead) {
    const head = this.look.beats ? HEAD : 0;
    return head + ((this.#canvas.clientHeight - head) * (lead + BASE)) / this.#count(signal);
  }

  /** Clear from the last column to the bar ahead of the pen, around the right edge if need be. */
  #erase(from, to, wide) {
    this.#pen.fillStyle = this.ink.back;
    const left = from % wide;
    const right = left + (to - from) + BAR;
    const high = this.#canvas.clientHeight;
    this.#pen.fillRect(MARGIN + left + EDGE, 0, Math.min(right, wide) - left - EDGE, high);
    if (right > wide) this.#pen.fillRect(MARGIN, 0, right - wide, high);
  }

  #trace(signal, lead, from, to, per, wide) {
    const pen = this.#pen;
    const middle = this.#middle(signal, lead);
    const { microvolt } = scale(this.look.speed, this.look.gain);
    pen.beginPath();
    let last = Infinity; // x of the sample before; the pen is lifted at holes and at the edge
    for (let i = Math.max(0, Math.floor(from) - 1); i < Math.floor(to); i++) {
      const value = signal.at(i, lead);
      const x = (i * per) % wide;
      if (!Number.isNaN(value)) pen[x > last ? "lineTo" : "moveTo"](MARGIN + x, middle - value * microvolt);
      last = Number.isNaN(value) ? Infinity : x;
    }
    pen.strokeStyle = this.ink.trace;
    pen.lineWidth = 1.5;
    pen.lineJoin = "round";
    pen.stroke();
  }

  /** Name the beats that the pen has passed; they are known some 0.5 s after their R. */
  #label(signal, beats, per, wide) {
    const oldest = signal.play - (wide - BAR) / per;
    for (const beat of beats) {
      if (beat.session !== signal.session || beat.sample <= this.#labelled || beat.sample > signal.play - LABEL / per) continue;
      this.#labelled = beat.sample;
      if (beat.sample < oldest) continue;
      this.#pen.font = "600 12px system-ui, sans-serif";
      this.#pen.fillStyle = this.ink[`beat-${beat.class}`];
      this.#pen.fillText(beat.class, MARGIN + ((beat.sample * per) % wide) - 4, HEAD - 3);
    }
  }
}
