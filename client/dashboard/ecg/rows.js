// A long strip, cut into rows that fit their place: as on a printed page, at a true scale.

import { make } from "../shared/dom.js";
import { MM } from "./paper.js";
import { MARGIN, drawStrip, median } from "./strip.js";

const LENGTHS = [10, 6, 5, 3, 2]; // seconds of a row; they divide a minute
const RANGES = [2, 3, 4, 6]; // mV that a lead may take

/** The seconds of a row that fit a place of `width` CSS pixels. Pure. */
export const rowSeconds = (width, speed = 25) =>
  LENGTHS.find((seconds) => MARGIN + seconds * speed * MM <= width) ?? LENGTHS.at(-1);

/** A signal cut into pieces of `seconds`, each a signal of its own. Pure. */
export function cut(signal, seconds) {
  const step = Math.round(seconds * signal.rate);
  const pieces = [];
  for (let first = signal.first; first < signal.end; first += step) {
    const end = Math.min(first + step, signal.end);
    const leads = signal.leads.map(({ name, values }) => ({ name, values: values.subarray(first - signal.first, end - signal.first) }));
    pieces.push({ rate: signal.rate, first, end, leads });
  }
  return pieces;
}

/** The millivolts that a lead needs: the least range that holds all but one sample in a hundred. Pure. */
export function room(signal) {
  const needed = Math.max(0, ...signal.leads.map(({ values }) => reach(values)));
  return RANGES.find((range) => 500 * range >= needed) ?? RANGES.at(-1);
}

function reach(values) {
  const base = median(values);
  const far = values.filter((value) => !Number.isNaN(value)).map((value) => Math.abs(value - base)).sort();
  return far.length ? far[Math.floor(0.995 * (far.length - 1))] : 0;
}

/**
 * Fill `root` with the rows of a signal.
 *
 * `look`: { seconds, beats, marks, ratio, range } as of `drawStrip`; `time(sample)` gives the words
 * over a row.
 */
export function drawRows(root, signal, { seconds, time, beats = [], marks = [], ...look }) {
  const range = look.range ?? room(signal);
  const within = ({ first, end }) => ({ sample }) => sample >= first && sample < end;
  const rows = cut(signal, seconds).map((piece) => {
    const [here, marked] = [beats.filter(within(piece)), marks.filter(within(piece))];
    const canvas = make("canvas", { role: "img", "aria-label": words(piece, here, marked, time) });
    return { canvas, piece, look: { ...look, range, beats: here, marks: marked } };
  });
  // The colours are the style sheet's: a canvas has them when it stands in its place.
  root.replaceChildren(...rows.map(({ canvas, piece }) => make("div", { class: "row" }, make("p", { class: "row-time" }, time(piece.first)), canvas)));
  for (const row of rows) drawStrip(row.canvas, row.piece, row.look);
}

/** A row for those who do not see it: leads, time, beats, marks. */
function words({ leads, rate, first, end }, beats, marks, time) {
  const named = leads.map(({ name }) => name).join(", ");
  return [
    `ECG ${named}, ${Math.round((end - first) / rate)} s from ${time(first)}`,
    beats.length ? `beats ${beats.map((beat) => beat.class).join(" ")}` : "no beats",
    ...marks.map(({ text }) => text),
  ].join("; ");
}
