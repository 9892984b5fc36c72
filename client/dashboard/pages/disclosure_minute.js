// A minute of full disclosure: its samples on paper with the beats that were found and its alarms.

import { label } from "../alarm/priority.js";
import { MINUTE, onTime, placed, stored } from "../disclosure/stretch.js";
import { drawRows, rowSeconds } from "../ecg/rows.js";
import { address } from "../routes.js";
import { get } from "../shared/api.js";
import { make } from "../shared/dom.js";
import { clockTime, dateTime } from "../shared/time.js";

export class Minute {
  #asked = 0;

  constructor(root) {
    this.root = root;
    this.seconds = MINUTE; // of a row
    this.title = make("h2");
    this.alarms = make("p", { class: "links" });
    this.rows = make("div", { class: "rows" });
    root.append(this.title, this.rows, this.alarms);
  }

  /**
   * Show the minute from `since` of one lead (all of them have been asked for when none is named).
   *
   * Gives { names, seconds, beats }: the leads there are, what is stored, how many beats; null when
   * another minute was asked for before this one came.
   */
  async load(patient, since, lead, alarms) {
    const asked = ++this.#asked;
    const path = `/v1/patients/${patient}`;
    const [found, { beats }] = await Promise.all([
      get(`${path}/signal`, { since, seconds: MINUTE }),
      get(`${path}/beats`, { since, seconds: MINUTE }),
    ]);
    if (asked !== this.#asked) return null;
    const whole = onTime(found, since, MINUTE);
    const names = whole.leads.map(({ name }) => name);
    const chosen = names.includes(lead) ? lead : names[0];
    const signal = { ...whole, leads: whole.leads.filter(({ name }) => name === chosen) };
    this.#draw(signal, since, beats, alarms.filter(({ onset_time: at }) => at >= since && at < since + MINUTE));
    return { names, seconds: Math.round(stored(signal)), beats: beats.length };
  }

  /** Bring the row of a moment into view, `seconds` from the start of the minute. */
  look(seconds) {
    this.rows.children[Math.floor(seconds / this.seconds)]?.scrollIntoView({ block: "nearest" });
  }

  #draw(signal, since, beats, alarms) {
    const name = signal.leads[0]?.name;
    this.title.textContent = `${dateTime(since)}${name ? `, lead ${name}, 25 mm/s, 10 mm/mV` : ""}`;
    this.alarms.replaceChildren(...alarms.flatMap((alarm) => [make("a", { href: address("review", alarm.id) }, `${label({ ...alarm, state: "active" })} ${clockTime(alarm.onset_time)}`), " "]));
    if (!name) return this.rows.replaceChildren(make("p", { class: "empty" }, "Nothing is stored of this minute."));
    this.seconds = rowSeconds(this.rows.clientWidth);
    drawRows(this.rows, signal, {
      seconds: this.seconds,
      time: (sample) => clockTime(since + sample / signal.rate),
      beats: placed(beats, since, signal.rate, ({ time }) => time),
      marks: placed(alarms, since, signal.rate, ({ onset_time: at }) => at),
    });
  }
}
