// Trends as drawable points: minutes with their holes, axes that fit. Pure.

/**
 * Minutes from `first` to `end` as points: { x: 0…1, low, mean, high, pvc }. Missing minutes are
 * absent, and `join` says whether a point follows its neighbour without a hole.
 */
export function points(trends, first, end) {
  let last = NaN;
  return trends
    .filter(({ minute }) => minute >= first && minute < end)
    .map((one) => {
      const join = one.minute === last + 1;
      last = one.minute;
      return {
        x: (one.minute + 0.5 - first) / (end - first),
        low: one.rate_min,
        mean: one.rate_mean,
        high: one.rate_max,
        pvc: one.seconds > 0 ? (one.v_beats * 60) / one.seconds : null,
        join,
      };
    });
}

/** A range of round numbers, `step` apart, that holds all values and at least `least`. */
export function range(values, step, least) {
  const known = [...values.filter((value) => value !== null), ...least];
  return [Math.floor(Math.min(...known) / step) * step, Math.ceil(Math.max(...known) / step) * step];
}

/** Whole hours of local time between two instants in s, at most `most` of them: where to put ticks. */
export function hours(begin, end, most) {
  const every = [1, 2, 3, 4, 6, 12].find((step) => (end - begin) / 3600 / step <= most) ?? 24;
  const shift = new Date(begin * 1000).getTimezoneOffset() * 60;
  const ticks = [];
  const step = every * 3600;
  for (let at = Math.ceil((begin - shift) / step) * step + shift; at <= end; at += step) ticks.push(at);
  return ticks;
}
