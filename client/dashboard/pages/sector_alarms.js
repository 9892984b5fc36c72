// A sector's alarms in one line: the most urgent first, and how many more there are than have room.

import { label, level, loudness, shown } from "../alarm/priority.js";
import { make, say } from "../shared/dom.js";
import { span } from "../shared/time.js";
import { pausedFor } from "../ward/state.js";

export class AlarmLine {
  #list = make("ul", { class: "alarms" });
  #more = make("span", { class: "more" });
  #told = "";
  root = make("div", { class: "told" }, this.#more, this.#list);

  /** Show the patient's alarms at the server's time `now`; returns the level that the sector has. */
  show(patient, now) {
    const alarms = shown(patient.alarms.values()).sort(loudness);
    const words = alarms.map((alarm) => chip(alarm, patient, now));
    if (words.join("|") !== this.#told) {
      this.#told = words.join("|");
      this.#list.replaceChildren(...alarms.map((alarm, i) => make("li", { class: `chip ${level(alarm)} ${alarm.state}` }, words[i])));
      this.fit();
    }
    const top = alarms.find((alarm) => alarm.state !== "acknowledged" && alarm.priority);
    return top ? level(top) : "";
  }

  /** Count those without room: they stand in a line below, which is not seen. The count takes room, too. */
  fit() {
    say(this.#more, "");
    for (let hidden = this.#hidden(), said = 0; hidden > said; hidden = this.#hidden()) {
      say(this.#more, `+${(said = hidden)}`);
    }
  }

  #hidden() {
    const [first, ...others] = this.#list.children;
    return others.filter((item) => item.offsetTop > first.offsetTop).length;
  }
}

/** An alarm's words; a pause counts down, with who asked for it. */
function chip(alarm, patient, server) {
  if (alarm.kind !== "ALARMS_PAUSED") return label(alarm);
  const by = patient.pausedBy && ` by ${patient.pausedBy}`;
  return `${label(alarm)}${by} ${span(pausedFor(alarm, server))}`;
}
