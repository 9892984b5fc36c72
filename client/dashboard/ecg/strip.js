// A still strip on paper: leads under one another, holes left empty, beats labelled and coloured.

import { MM, calibration, fit, grid, scale } from "./paper.js";

export const MARGIN = 7 * MM; // for the calibration pulse and the lead's name
const HEAD = 5 * MM; // for beat labels
const WORDS = 15; // pixels between the words of two marks: they alternate, as both may be at one sample

/** The colours of the theme that a canvas needs, from the style sheet. */
export function inks(element) {
  const style = getComputedStyle(element);
  const ink = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(
    ["trace", "dim", "text", "back", "grid-fine", "grid-strong", "beat-N", "beat-S", "beat-V", "beat-F", "beat-Q"].map((name) => [name, ink(name)]),
  );
}

/** The middle of what is there: the baseline of a strip. */
export function median(values) {
  const known = values.filter((value) => !Number.isNaN(value)).sort();
  return known.length ? known[known.length >> 1] : 0;
}

/** CSS pixels that a strip takes: { width, height }. */
export function size(signal, { speed = 25, gain = 10, range = 3 } = {}) {
  const seconds = (signal.end - signal.first) / signal.rate;
  const lead = range * gain * MM;
  return { width: Math.ceil(MARGIN + seconds * scale(speed, gain).second), height: Math.ceil(HEAD + signal.leads.length * lead) };
}

/**
 * Draw a strip.
 *
 * `signal` is what `assemble` gave; `beats`: [{ sample, class }]; `marks`: [{ sample, text }] are
 * drawn as upright lines (an alarm's onset). `range` is the height of a lead in millivolts, `ratio`
 * the canvas's own pixels in a CSS pixel (the display's, if not told otherwise).
 */
export function drawStrip(canvas, signal, { speed = 25, gain = 10, range = 3, beats = [], marks = [], ratio } = {}) {
  const { width, height } = size(signal, { speed, gain, range });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  fit(canvas, width, height, ratio);
  const [pen, ink] = [canvas.getContext("2d"), inks(canvas)];
  const x = (sample) => MARGIN + ((sample - signal.first) / signal.rate) * scale(speed, gain).second;
  pen.fillStyle = ink.back;
  pen.fillRect(0, 0, width, height);
  grid(pen, width, height, { fine: ink["grid-fine"], strong: ink["grid-strong"] });
  signal.leads.forEach(({ name, values }, number) => {
    const middle = HEAD + (number + 0.5) * range * gain * MM;
    calibration(pen, 1 * MM, middle, gain, ink.dim);
    label(pen, name, 1 * MM, middle - 0.5 * range * gain * MM + 12, ink.text);
    trace(pen, values, (i) => x(signal.first + i), (value) => middle - value * scale(speed, gain).microvolt, ink.trace);
  });
  marks.forEach(({ sample, text }, number) => mark(pen, x(sample), height, text, height - 6 - (number % 2) * WORDS, ink.text));
  for (const beat of beats) label(pen, beat.class, x(beat.sample) - 4, HEAD - 5, ink[`beat-${beat.class}`]);
}

/** Join known samples by lines; a hole stays a hole. */
function trace(pen, values, x, y, colour) {
  const base = median(values);
  pen.beginPath();
  let down = false;
  values.forEach((value, i) => {
    if (!Number.isNaN(value)) pen[down ? "lineTo" : "moveTo"](x(i), y(value - base));
    down = !Number.isNaN(value);
  });
  pen.strokeStyle = colour;
  pen.lineWidth = 1.25;
  pen.lineJoin = "round";
  pen.stroke();
}

function label(pen, text, x, y, colour) {
  pen.font = "600 13px system-ui, sans-serif";
  pen.fillStyle = colour;
  pen.fillText(text, x, y);
}

function mark(pen, x, height, text, y, colour) {
  pen.setLineDash([4, 3]);
  pen.beginPath();
  pen.moveTo(x, 0);
  pen.lineTo(x, height);
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  pen.stroke();
  pen.setLineDash([]);
  label(pen, text, x + 4, y, colour);
}
