// The stored signal on the axis of time: pieces placed, holes left, an hour's outline by minute. Pure.

import { assemble, bytes } from "../ecg/samples.js";

export const MINUTE = 60;
export const HOUR = 3600;
const SLACK = 1e-3; // of a column: times are doubles, columns that only touch do not overlap

/** The minute and the hour that a time (seconds since 1970) lies in. */
export const minuteOf = (time) => Math.floor(time / MINUTE) * MINUTE;
export const hourOf = (time) => Math.floor(time / HOUR) * HOUR;

/**
 * Pieces of GET …/signal as one signal from `since` on: sample 0 is that moment, what is not stored is NaN.
 *
 * Sessions count their samples each from their own start, so pieces are placed by their times. A
 * device that came back with another sampling rate has its samples on the grid of the first one's.
 */
export function onTime({ pieces }, since, seconds) {
  const rate = pieces[0]?.rate ?? 0;
  const same = pieces.filter((piece) => piece.rate === rate);
  const blocks = same.map((piece) => ({ ...piece, payload: piece.samples, first: Math.round((piece.time - since) * rate) }));
  return { ...assemble({ first: 0, end: Math.round(seconds * rate), blocks }), others: pieces.length - same.length };
}

/** Seconds of a signal that are stored, of its first lead. */
export function stored({ leads, rate }) {
  const known = leads.length ? leads[0].values.reduce((sum, value) => sum + !Number.isNaN(value), 0) : 0;
  return rate ? known / rate : 0;
}

/** What has a time, on the signal's samples. */
export const placed = (events, since, rate, time) => events.map((event) => ({ ...event, sample: Math.round((time(event) - since) * rate) }));

/**
 * Pieces of GET …/envelope as columns: { low, high } in microvolts, `count` columns of `step`
 * seconds from `since` on; NaN where nothing is stored. A piece's own columns are whole samples wide,
 * so one may lie over two of ours.
 */
export function columns({ pieces }, since, count, step) {
  const [low, high] = [new Float32Array(count).fill(NaN), new Float32Array(count).fill(NaN)];
  for (const piece of pieces) {
    const [lows, highs] = [piece.low, piece.high].map((text) => new Int16Array(bytes(text).buffer));
    const [start, wide] = [(piece.time - since) / step, piece.step / piece.rate / step];
    for (let i = 0; i < piece.count; i++) {
      const from = Math.max(0, Math.floor(start + i * wide + SLACK));
      const to = Math.min(count, Math.ceil(start + (i + 1) * wide - SLACK));
      for (let at = from; at < to; at++) {
        low[at] = lower(low[at], lows[i] * piece.uv_per_lsb);
        high[at] = -lower(-high[at], -highs[i] * piece.uv_per_lsb);
      }
    }
  }
  return { low, high };
}

/** The lesser of two values, of which the first may be unknown. */
const lower = (known, value) => (known <= value ? known : value);

/** The columns of minute `number`: { low, high, share }, `share` of it stored. */
export function minute({ low, high }, number, perMinute) {
  const [from, to] = [number * perMinute, (number + 1) * perMinute];
  const part = { low: low.subarray(from, to), high: high.subarray(from, to) };
  return { ...part, share: part.low.reduce((sum, value) => sum + !Number.isNaN(value), 0) / perMinute };
}

/** The alarm before and after a time: { before, after }; `alarms` in any order. */
export function around(alarms, time) {
  const sorted = alarms.toSorted((a, b) => a.onset_time - b.onset_time);
  const slack = 1; // seconds: an address has whole ones
  return {
    before: sorted.findLast(({ onset_time: at }) => at < time - slack),
    after: sorted.find(({ onset_time: at }) => at >= time + slack),
  };
}
