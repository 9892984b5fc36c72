// The alarms of one bed, each with what was judged, since when, and who has seen it.

import { judged, label, level, loudness, shown } from "../alarm/priority.js";
import { acknowledgeable, seenOf } from "../frame/banner.js";
import { make, say } from "../shared/dom.js";
import { clockTime, span } from "../shared/time.js";
import { pausedFor } from "../ward/state.js";

const PAUSE = 120; // seconds of an audio pause

/** { root, show(patient, now) }: the panel; `now` is the server's clock. */
export function alarmList(site, id) {
  const list = make("ul", { class: "alarm-list" });
  const silence = make("p", { class: "status", role: "status" });
  const press = (words, act) => make("button", { type: "button", onclick: act }, words);
  const all = press("Acknowledge all", () => site.acknowledgeAll(id, seen));
  const pause = press("Pause sound 2 min", () => site.pause(id, PAUSE));
  const resume = press("End the pause", () => site.pause(id, 0));
  const root = make("section", { class: "panel", "aria-label": "Alarms" }, make("h2", {}, "Alarms"), list, make("div", { class: "bar" }, all, pause, resume, silence));
  let told = "";
  let seen = []; // what stands in the list that can be acknowledged
  return { root, show };

  function show(patient, now) {
    const alarms = shown(patient.alarms.values()).sort(loudness);
    const paused = alarms.find(({ kind }) => kind === "ALARMS_PAUSED");
    say(silence, paused ? `Sound paused${patient.pausedBy && ` by ${patient.pausedBy}`}: ${span(pausedFor(paused, now))} left` : "");
    resume.hidden = !paused;
    const words = alarms.map(({ id: alarm, update_no: update }) => `${alarm}#${update}`).join();
    if (words === told && list.childElementCount) return;
    told = words;
    seen = seenOf(alarms);
    all.hidden = seen.length < 2;
    list.replaceChildren(...(alarms.length ? alarms.map(item) : [make("li", { class: "empty" }, "No alarms")]));
  }

  function item(alarm) {
    const by = alarm.acknowledged_by ? `seen by ${alarm.acknowledged_by} ${clockTime(alarm.acknowledged_at)}` : "";
    const over = typeof alarm.ended_time === "number" ? `over ${clockTime(alarm.ended_time)}` : "";
    const facts = [`since ${clockTime(alarm.onset_time)}`, over, judged(alarm), by, alarm.note].filter(Boolean).join(" · ");
    const button = acknowledgeable(alarm) ? press("Acknowledge", () => site.acknowledge(alarm)) : null;
    return make("li", {}, make("span", { class: `chip ${level(alarm)} ${alarm.state}` }, label(alarm)), make("span", { class: "dim" }, facts), button);
  }
}
