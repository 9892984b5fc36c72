// What an alarm looks like and in which order alarms stand: IEC 60601-1-8's priorities in words. Pure.

export const MARKS = ["", "*", "**", "***"]; // information, low, medium, high
export const LEVELS = ["information", "low", "medium", "high"];
const TECHNICAL = new Set([
  "LEADS_OFF", "LEAD_OFF", "ARTIFACT", "CANNOT_ANALYZE", "NO_DATA", "LEARNING", "NOT_MONITORED",
  "ANALYSIS_LAG", "ANALYSIS_FAIL", "MODEL_FAIL", "ALARMS_PAUSED", "DELIVERY_FAIL",
]);

/** Whether it is about the equipment, not about the patient. */
export const technical = (alarm) => TECHNICAL.has(alarm.kind);

/** Whether it is kept for review; what gateways raise themselves is not. */
export const kept = ({ kind }) => kind !== "NOT_MONITORED" && kind !== "DELIVERY_FAIL";

export const level = (alarm) => LEVELS[alarm.priority];

/** "***", "**", "*" or "!!": the priority, for those who do not see its colour. */
export const marks = (alarm) => (technical(alarm) ? "!!" : MARKS[alarm.priority]);

/** "*** Asystole (latched)": priority and state in words, never in colour alone; "again" after a re-alarm. */
export function label(alarm) {
  const again = alarm.flags?.includes("realarm") ? "again" : "";
  const state = alarm.state === "active" ? again : alarm.state;
  return `${marks(alarm)} ${alarm.text}${state && ` (${state})`}`.trim();
}

/** "132 /min, limit 120": the number that was judged, if there is one. */
export function judged({ value, limit, measure }) {
  if (value === null || value === undefined) return "";
  const against = limit === null || limit === undefined ? "" : `, limit ${Math.round(limit)}`;
  return `${Math.round(value)} ${measure}${against}`;
}

const active = (alarm) => Number(alarm.state === "active");

/** Active before others, the most urgent first, the newest first. */
export const urgency = (a, b) => active(b) - active(a) || b.priority - a.priority || b.onset_time - a.onset_time;

const heard = (alarm) => (sounds(alarm) ? alarm.priority : 0);

/** What is heard before what is only shown, the most urgent first: the order of the banner. */
export const loudness = (a, b) => heard(b) - heard(a) || urgency(a, b);

/** The alarms to show of these; a suppressed one is covered by the higher one of its chain. */
export const shown = (alarms) => [...alarms].filter((alarm) => !alarm.suppressed_by).sort(urgency);

/** Whether it is to be heard: not seen by anybody, not paused, not covered. */
export function sounds(alarm) {
  const unseen = alarm.state === "active" || alarm.state === "latched";
  return unseen && alarm.priority > 0 && !alarm.silenced && !alarm.suppressed_by;
}

/** The priority to be heard of all these alarms, 0 for silence. */
export const loudest = (alarms) => Math.max(0, ...[...alarms].filter(sounds).map((alarm) => alarm.priority));
