// What a patient's data allow to be shown at a moment: live or old, known or not. Pure.

export const STALE = 2; // seconds without samples after which a trace is not live
const HELD = 3; // seconds without vitals after which their numbers are not shown

/** { live, numbers, silent }: is the trace live, are the numbers fresh, seconds since samples came. */
export function state({ seen, sent, vitals }, now) {
  return { live: now - sent <= STALE, numbers: vitals !== null && now - seen <= HELD, silent: now - sent };
}

/** Whether no electrode can be relied on: the heart rate is not shown then. */
export const leadsOff = ({ alarms }) => [...alarms.values()].some(({ kind, state: now }) => kind === "LEADS_OFF" && now !== "latched");

/** Seconds that an audio pause still lasts, at `now` on the server's clock. */
export const pausedFor = ({ onset_time: since, value }, now) => Math.max(0, since + (value ?? 0) - now);
