// An alarm's strip in time: where it begins, which beats and marks are on it. Pure.

/** Seconds since 1970 of a sample of the alarm's session. */
export const timeOf = (alarm, rate) => (sample) => alarm.onset_time + (sample - alarm.onset_sample) / rate;

/** { since, seconds }: the stretch of time that the strip covers. */
export function stretch(alarm, rate) {
  const { first, end } = alarm.strip;
  return { since: timeOf(alarm, rate)(first), seconds: Math.max(1, (end - first) / rate) };
}

/** The beats on the strip; those of another session have other sample numbers. */
export const beatsOf = (alarm, beats) =>
  beats.filter(({ session, sample }) => session === alarm.session && sample >= alarm.strip.first && sample < alarm.strip.end);

/** Where the alarm began, and where it was decided. */
export const marksOf = (alarm) => [
  { sample: alarm.onset_sample, text: "onset" },
  { sample: alarm.detected_sample, text: "alarm" },
];

/** Seconds that the alarm lasted, null while it does; one of an older server tells by its samples only. */
export function lasted(alarm, rate) {
  if (typeof alarm.ended_time === "number") return alarm.ended_time - alarm.onset_time;
  return alarm.ended_sample === null || !rate ? null : (alarm.ended_sample - alarm.onset_sample) / rate;
}
