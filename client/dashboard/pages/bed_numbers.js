// The numbers of one bed: vitals as they come, limits, pacemaker, signal quality. Unknown is two dashes.

import { make, say } from "../shared/dom.js";
import { UNKNOWN, number } from "../shared/numbers.js";
import { leadsOff, state } from "../ward/state.js";

const ROWS = [
  ["HR", "rate", ({ vitals }) => number(vitals.heart_rate), "/min"],
  ["V", "pvc", ({ vitals }) => number(vitals.v_per_minute), "/min"],
  ["Rhythm", "rhythm", ({ vitals }) => vitals.rhythm || UNKNOWN, ""],
  ["QRS", "qrs", ({ vitals }) => number(vitals.qrs_ms), "ms"],
  ["QTc", "qtc", ({ vitals }) => number(vitals.qtc_ms), "ms"],
  ["Quality", "quality", ({ vitals }) => number(vitals.quality * 100), "%"],
];

export class Numbers {
  #values = new Map();

  constructor() {
    const rows = ROWS.map(([title, name, , unit]) => {
      const value = make("dd", {});
      this.#values.set(name, value);
      return make("div", { class: `number-${name}` }, make("dt", {}, title, " ", make("small", {}, unit)), value);
    });
    this.limits = make("dd", {});
    this.paced = make("dd", {});
    this.root = make(
      "dl",
      { class: "numbers panel" },
      rows,
      make("div", {}, make("dt", {}, "Limits ", make("small", {}, "/min")), this.limits),
      make("div", {}, make("dt", {}, "Pacemaker"), this.paced),
    );
  }

  /** Show what is known at `now` of the page's clock. */
  show(patient, now) {
    const { numbers } = state(patient, now);
    for (const [, name, value] of ROWS) {
      const known = numbers && !(name === "rate" && leadsOff(patient));
      say(this.#values.get(name), known ? value(patient) : UNKNOWN);
    }
    const { low, high, paced } = patient.roster ?? {};
    say(this.limits, low ? `${number(low)} – ${number(high)}` : UNKNOWN);
    say(this.paced, paced ?? UNKNOWN);
  }
}
