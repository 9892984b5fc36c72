// What is known of each patient, from messages alone. Pure: no socket, no clock, no document.

import { Signal } from "../ecg/signal.js";

const LABELS = 64; // beats kept of each patient: more than a sweep of a slow trace shows

/** A patient as the page knows them. */
class Patient {
  unit = "";
  bed = "";
  vitals = null;
  seen = -Infinity; // when vitals came, on the page's clock
  sent = -Infinity; // when samples came
  alarms = new Map();
  beats = [];
  signal = new Signal();
  roster = null; // of GET /v1/patients: limits, pacemaker, since when
  pausedBy = "";

  constructor(id) {
    this.id = id;
  }

  /** "ICU 3", or the pseudonym where no bed is known. */
  get place() {
    return [this.unit, this.bed].filter(Boolean).join(" ") || this.id;
  }
}

export class Ward {
  patients = new Map();
  cursor = "";
  listed = false; // whether the roster is known
  offset = 0; // seconds that the server's clock is ahead of the page's

  /** Take one message of a subscription; `now` in seconds on the page's clock. Gives the event. */
  apply(message, now) {
    if (message.type === "heartbeat") this.offset = message.time - now;
    if (message.type === "snapshot") this.#snapshot(message);
    if (message.type !== "event") return null;
    this.cursor = message.cursor || this.cursor;
    const { event } = message;
    const patient = this.patient(event.patient);
    if (event.unit || event.bed) Object.assign(patient, { unit: event.unit, bed: event.bed });
    TAKE[event.type]?.(patient, event, now);
    return event;
  }

  /** Take the answer of GET /v1/patients. */
  list(patients) {
    this.listed = true;
    for (const known of this.patients.values()) known.roster = null;
    for (const one of patients) {
      const patient = this.patient(one.id);
      patient.roster = one;
      if (!patient.vitals) Object.assign(patient, { unit: one.unit, bed: one.bed });
    }
  }

  patient(id) {
    if (!this.patients.has(id)) this.patients.set(id, new Patient(id));
    return this.patients.get(id);
  }

  /** Every alarm that has not ended. */
  *alarms() {
    for (const patient of this.patients.values()) yield* patient.alarms.values();
  }

  /** Drop whom nobody sends, admits or alarms for since `limit` (the page's clock). */
  forget(limit) {
    for (const [id, { seen, sent, alarms, roster }] of this.patients) {
      if (Math.max(seen, sent) < limit && !alarms.size && !roster) this.patients.delete(id);
    }
  }

  #snapshot(message) {
    this.cursor = message.cursor;
    for (const patient of this.patients.values()) patient.alarms.clear();
    for (const alarm of message.alarms) {
      const patient = this.patient(alarm.patient);
      Object.assign(patient, { unit: alarm.unit || patient.unit, bed: alarm.bed || patient.bed });
      setAlarm(patient, alarm);
    }
  }
}

const TAKE = {
  vitals: (patient, event, now) => Object.assign(patient, { vitals: event, seen: now }),
  alarm: setAlarm,
  beat(patient, event) {
    patient.beats.push(event);
    if (patient.beats.length > LABELS) patient.beats.shift();
  },
  block(patient, event, now) {
    patient.signal.push(event);
    patient.sent = now;
  },
  commanddone(patient, event) {
    if (event.action === "pauseaudio" && !event.refused) patient.pausedBy = event.by;
  },
};

/** Keep the newest update, whichever came last. */
function setAlarm(patient, alarm) {
  const known = patient.alarms.get(alarm.id);
  if (known && known.update_no > alarm.update_no) return;
  if (alarm.state === "ended") patient.alarms.delete(alarm.id);
  else patient.alarms.set(alarm.id, { ...alarm, strip: null }); // a strip is 100 kB that nobody shows here
}
