// Which alarms have come since a list was loaded and would stand in it now. Pure.

import { kept } from "../alarm/priority.js";
import { matches } from "./filters.js";

export class Newer {
  #wanted;
  #most;
  #listed = null; // ids
  #oldest = -Infinity;
  #found = new Map();

  /** Of a list of at most `most` alarms that the filters `wanted` let through; it may still be on its way. */
  constructor(wanted, most) {
    this.#wanted = wanted;
    this.#most = most;
  }

  /** The list has come, the newest first. */
  listed(alarms) {
    this.#listed = new Set(alarms.map(({ id }) => id));
    if (alarms.length >= this.#most) this.#oldest = alarms.at(-1).onset_time;
  }

  /** A state of an alarm was told: one that the list has, or that the filters do not let through any more, is none. */
  heard(alarm) {
    const wanted = kept(alarm) && matches(this.#wanted, alarm);
    if (!wanted) this.#found.delete(alarm.id);
    else if (this.#found.size < this.#most) this.#found.set(alarm.id, alarm.onset_time); // a list of them would have no more
  }

  /** How many there are, 0 as long as the list is on its way. */
  get count() {
    if (!this.#listed) return 0;
    return [...this.#found].filter(([id, onset]) => !this.#listed.has(id) && onset >= this.#oldest).length;
  }
}
