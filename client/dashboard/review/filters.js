// Which alarms are reviewed: words of the address, of the form, and of the API's query. Pure.

import { LEVELS } from "../alarm/priority.js";

const NAMES = ["patient", "unit", "kind", "priority", "state", "since", "until"];
export const STATES = ["active", "latched", "acknowledged", "ended"];

/** The filters in an address's options; anything else is left out. */
export const filters = (options) => Object.fromEntries(NAMES.filter((name) => options[name]).map((name) => [name, options[name]]));

/** The query of GET /v1/alarms; times without a zone are this browser's. */
export function query({ patient, unit, kind, priority, state, since, until }, limit) {
  return { patient, unit, kind, state, min_priority: priority, since: seconds(since), until: seconds(until), limit };
}

/** Whether the API would list an alarm for these filters. */
export function matches(wanted, alarm) {
  const { since, until, min_priority: priority } = query(wanted);
  const same = ["patient", "unit", "kind", "state"].every((name) => !wanted[name] || wanted[name] === alarm[name]);
  const within = alarm.onset_time >= (since || -Infinity) && alarm.onset_time < (until || Infinity);
  return same && within && alarm.priority >= level(priority);
}

/** A priority's number, for its name too: the API takes both; none restricts nothing. */
function level(priority) {
  const place = LEVELS.indexOf(String(priority ?? "").toLowerCase());
  return place < 0 ? Number(priority ?? 0) : place;
}

/** Seconds since 1970 of "2026-11-22T14:03"; what cannot be read restricts nothing. */
function seconds(text) {
  const at = new Date(text ?? "").getTime() / 1000;
  return Number.isNaN(at) ? "" : at;
}

/** The alarms before and after one in a list: { newer, older }, undefined at its ends. */
export function neighbours(alarms, id) {
  const place = alarms.findIndex((alarm) => alarm.id === id);
  return place < 0 ? {} : { newer: alarms[place - 1], older: alarms[place + 1] };
}
