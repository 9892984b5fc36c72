// What people said of alarms: words and the last word of each. Pure.

export const VERDICTS = [["right", "True alarm"], ["wrong", "False alarm"]];
const WORDS = Object.fromEntries(VERDICTS);

/** Alarm id → its newest feedback; the API gives the newest first. */
export function latest(feedback) {
  const found = new Map();
  for (const said of feedback) if (!found.has(said.alarm)) found.set(said.alarm, said);
  return found;
}

/** "False alarm, dr-2", or nothing. */
export const verdict = (said) => (said ? `${WORDS[said.verdict]}, ${said.by}` : "");

/** One line of feedback about an alarm or a beat; `time` writes seconds. */
export function sentence(said, time) {
  const right = said.verdict === "right";
  const what = said.about === "alarm" ? WORDS[said.verdict] : `Beat at ${time(said.time)} ${right ? "is" : "is rather"} ${said.label}`;
  return [what, said.note && `“${said.note}”`, `${said.by}, ${time(said.at)}`].filter(Boolean).join(" · ");
}

/** The body of POST /v1/feedback about an alarm. */
export const aboutAlarm = (alarm, { verdict: said, note = "" }) => ({ verdict: said, note, about: { type: "alarm", id: alarm.id } });

/** The body about a beat: right when it has the class that was found. */
export function aboutBeat(beat, { label, note = "" }) {
  const { patient, session, sample, time } = beat;
  return { verdict: label === beat.class ? "right" : "wrong", note, about: { type: "beat", patient, session, sample, time, label } };
}
