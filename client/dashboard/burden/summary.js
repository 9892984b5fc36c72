// The burden of alarms, from the API's counts: by day, and by bed, kind and day. Pure.

import { LEVELS } from "../alarm/priority.js";

const DAY = 86_400_000;

/** "2026-11-22" of days since 1970 in the asker's own zone. */
export const dayName = (number) => new Date(number * DAY).toISOString().slice(0, 10);

/** The days shown, the newest last: `count` of them up to the day of `now` (ms), `east` minutes ahead of UTC. */
export function daysUntil(now, count, east) {
  const last = Math.floor((now + east * 60_000) / DAY);
  return Array.from({ length: count }, (_, i) => last - count + 1 + i);
}

const empty = () => ({ count: 0, judged: 0, false: 0 });

function add(sum, { count, judged, false: wrong }) {
  sum.count += count;
  sum.judged += judged;
  sum.false += wrong;
}

/** The sum of counts: { count, judged, false }. */
export function total(rows) {
  const sum = empty();
  for (const row of rows) add(sum, row);
  return sum;
}

/** [{ day, count, judged, false, levels }] for each of `days`; `levels` counts by priority, the most urgent first. */
export function byDay(rows, days) {
  return days.map((day) => {
    const here = rows.filter((row) => row.day === day);
    const levels = [3, 2, 1, 0].map((priority) => ({ level: LEVELS[priority], ...total(here.filter((row) => row.priority === priority)) }));
    return { day, ...total(here), levels };
  });
}

/** [{ place, patient, count, …, kinds: [{ kind, level, count, …, days: Map(day → count) }] }], the most alarms first. */
export function byBed(rows) {
  const beds = group(rows, ({ unit, bed, patient }) => JSON.stringify([unit, bed, patient]));
  return beds.map((here) => ({ place: placeOf(here[0]), patient: here[0].patient, ...total(here), kinds: byKind(here) })).sort(most);
}

function byKind(rows) {
  const kinds = group(rows, ({ kind }) => kind);
  return kinds.map((here) => ({
    kind: here[0].kind,
    level: LEVELS[Math.max(...here.map(({ priority }) => priority))],
    ...total(here),
    days: new Map(group(here, ({ day }) => day).map((same) => [same[0].day, total(same).count])),
  })).sort(most);
}

const most = (a, b) => b.count - a.count;
const placeOf = ({ unit, bed }) => [unit, bed].filter(Boolean).join(" ") || "No bed";

function group(rows, key) {
  const groups = new Map();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return [...groups.values()];
}
