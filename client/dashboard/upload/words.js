// What is said of an upload: its state, its counts, where its beats are found. Pure.

const CLASSES = { N: "normal", S: "supraventricular", V: "ventricular", F: "fusion", Q: "paced or unclassifiable" };
const PAGE = 1000; // beats of one answer

/** "Analysing, 42 %" and the share that is done, null while that is not known. */
export function progress({ state, progress: done, ahead = 0 }) {
  if (state === "running") return { words: `Analysing, ${Math.round(100 * done)} %`, share: done };
  if (state === "queued") return { words: `Waiting${ahead ? `, ${ahead} before it` : ""}`, share: null };
  return { words: state === "done" ? "Done" : "Receiving", share: state === "done" ? 1 : null };
}

/** [{ class, name, count, share }] of a result's counts. */
export function counts(beats) {
  const all = Object.values(beats).reduce((sum, count) => sum + count, 0);
  return Object.entries(beats).map(([kind, count]) => ({ class: kind, name: CLASSES[kind], count, share: all ? count / all : 0 }));
}

/** From which beat on to ask for those of a stretch: the trend counts them by minute, a page holds the slack. */
export function guess(trend, seconds) {
  const before = trend.filter(({ minute }) => (minute + 1) * 60 <= seconds).reduce((sum, { beats }) => sum + beats, 0);
  return Math.max(0, before - PAGE / 4);
}

/** The query for the beats after a page that began too late or ended too early, null when it holds the stretch. */
export function otherPage({ beats, next }, after, from, to) {
  if (after > 0 && (!beats.length || beats[0].sample > from)) return Math.max(0, after - PAGE / 2);
  if (beats.length && next !== null && beats.at(-1).sample < to) return after + PAGE / 2;
  return null;
}

export const BEATS = PAGE;

/** Answers of …/signal that follow one another, as one. */
export const joined = (parts) => ({ ...parts[0], end: parts.at(-1).end, low: parts.flatMap(({ low }) => low) });

/** An answer of …/signal as a signal for the strip; a gap is NaN. */
export function asSignal({ first, end, rate, uv_per_lsb: unit, low }, name) {
  return { first, end, rate, leads: [{ name, values: Float32Array.from(low, (value) => (value === null ? NaN : value * unit)) }] };
}
