// How numbers are written. Pure. What is not known is two dashes; a last value is never held.

export const UNKNOWN = "--";

/** A rounded number, or two dashes. */
export function number(value, digits = 0) {
  return value === null || value === undefined || Number.isNaN(value) ? UNKNOWN : value.toFixed(digits);
}

/** "12 %", or two dashes when there is nothing to divide by. */
export const share = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : UNKNOWN);
