// The alarm sounds of IEC 60601-1-8 as data: bursts of pulses, by priority. Pure.
//
// Table 3 and 4 of the standard: a burst has 10 pulses (high: 3 + 2, twice), 3 (medium) or 2 (low);
// pulse spacing 50–125 ms (high), 125–250 ms (medium, low); bursts 2.5–15 s, 2.5–30 s and over 15 s
// apart. A pulse has a fundamental of 150–1000 Hz and at least four harmonics within 300–4000 Hz.

const C4 = 261.6; // Hz: melodies of the general category: "c c c – c c", "c c c", "e c"
const E4 = 329.6;

export const HARMONICS = [1, 0.8, 0.7, 0.6, 0.5, 0.4]; // 262–1570 Hz, within 8 dB of one another

const HIGH = { length: 0.15, gap: 0.1, group: 0.35, halves: 0.6 };
const MEDIUM = { length: 0.2, gap: 0.2 };
const LOW = { length: 0.2, gap: 0.2 };

/** Seconds between the ends and beginnings of bursts, by priority. */
export const PAUSES = [0, 16, 7.5, 4];

/** The pulses of a burst: [{ at, length, hertz }], in seconds from its beginning; by priority 1 to 3. */
export function burst(priority) {
  if (priority === 3) return [...half(0), ...half(end(half(0)) + HIGH.halves)];
  return priority === 2 ? row([C4, C4, C4], MEDIUM) : row([E4, C4], LOW);
}

/** When a burst is over. */
export const end = (pulses) => pulses.at(-1).at + pulses.at(-1).length;

/** Three pulses and two, with a longer gap between. */
function half(start) {
  const three = row([C4, C4, C4], HIGH, start);
  return [...three, ...row([C4, C4], HIGH, end(three) + HIGH.group)];
}

function row(pitches, { length, gap }, start = 0) {
  return pitches.map((hertz, i) => ({ at: start + i * (length + gap), length, hertz }));
}
