// How times and spans are written, everywhere the same. Pure: seconds in, words out.

const two = (value) => String(value).padStart(2, "0");

/** "14:03:09", local time of seconds since 1970. */
export function clockTime(seconds) {
  const at = new Date(seconds * 1000);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
}

/** "2026-11-22", local date of seconds since 1970. */
export function day(seconds) {
  const at = new Date(seconds * 1000);
  return [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
}

/** "2026-11-22 14:03:09". */
export const dateTime = (seconds) => `${day(seconds)} ${clockTime(seconds)}`;

/** "0:42" or "1:05:00": how long something lasts or still runs; never negative. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** "8 s", "3 min", "2 h", "4 d": how old something is. */
export function age(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}
