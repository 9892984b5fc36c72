// How many columns of sectors a screen has, and in which order beds stand. Pure.

const NARROW = 340; // pixels below which a sector's trace says little
const STEPS = [[2, 1], [8, 2], [18, 3], [Infinity, 4]]; // up to so many beds: so many columns

/** Columns for `beds` sectors on `width` pixels. */
export function columns(beds, width) {
  const wanted = STEPS.find(([most]) => beds <= most)[1];
  return Math.max(1, Math.min(wanted, Math.floor(width / NARROW)));
}

const order = new Intl.Collator("en", { numeric: true });
const key = ({ unit, bed, id }) => `${unit}\u0000${bed}\u0000${id}`;

/** By unit, bed, pseudonym; bed 10 after bed 9. */
export const byBed = (a, b) => order.compare(key(a), key(b));

/** The units there are. */
export const units = (patients) => [...new Set([...patients].map(({ unit }) => unit).filter(Boolean))].sort();
