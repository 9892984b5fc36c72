// What is known of each patient, from messages alone: no socket, no clock, no document.

export const MARKS = ["", "*", "**", "***"]; // IEC 60601-1-8 priorities in words: none, low, medium, high
export const LEVELS = ["information", "low", "medium", "high"];
const TECHNICAL = new Set([
  "LEADS_OFF", "ARTIFACT", "CANNOT_ANALYZE", "NO_DATA", "LEARNING", "NOT_MONITORED",
  "ANALYSIS_LAG", "MODEL_FAIL", "ALARMS_PAUSED", "DELIVERY_FAIL",
]);

export class Ward {
  patients = new Map();
  cursor = "";

  /** Take one message of a subscription; `now` in seconds. */
  apply(message, now) {
    if (message.type === "snapshot") this.#snapshot(message);
    if (message.type !== "event") return;
    this.cursor = message.cursor || this.cursor;
    const event = message.event;
    const patient = this.patient(event.patient);
    if (event.type === "vitals") Object.assign(patient, { vitals: event, seen: now });
    if (event.type === "alarm") setAlarm(patient, event);
    if (event.type === "block") patient.signal?.push(event);
    if (event.type === "block") patient.sent = now;
    if (event.bed || event.unit) patient.place = [event.unit, event.bed].filter(Boolean).join(" ");
  }

  patient(id) {
    if (!this.patients.has(id)) {
      this.patients.set(id, { id, place: "", vitals: null, seen: 0, sent: 0, alarms: new Map(), signal: null });
    }
    return this.patients.get(id);
  }

  #snapshot(message) {
    this.cursor = message.cursor;
    for (const patient of this.patients.values()) patient.alarms.clear();
    for (const alarm of message.alarms) setAlarm(this.patient(alarm.patient), alarm);
  }
}

function setAlarm(patient, alarm) {
  const known = patient.alarms.get(alarm.id);
  if (known && known.update_no > alarm.update_no) return;
  if (alarm.state === "ended") patient.alarms.delete(alarm.id);
  else patient.alarms.set(alarm.id, alarm);
}

/** The alarms to show: active before others, the most urgent first; a suppressed one is covered. */
export function shown(patient) {
  const active = (alarm) => Number(alarm.state === "active");
  return [...patient.alarms.values()]
    .filter((alarm) => !alarm.suppressed_by)
    .sort((a, b) => active(b) - active(a) || b.priority - a.priority || b.onset_time - a.onset_time);
}

/** "*** Asystole (latched)": priority and state in words, never in colour alone. */
export function label(alarm) {
  const mark = TECHNICAL.has(alarm.kind) ? "!!" : MARKS[alarm.priority];
  const state = alarm.state === "active" ? "" : ` (${alarm.state})`;
  return `${mark} ${alarm.text}${state}`.trim();
}

export const number = (value) => (value === null || value === undefined ? "--" : String(Math.round(value)));
