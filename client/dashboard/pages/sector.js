// One bed on the overview: trace, numbers, alarms, and how old they are.

import { inks } from "../ecg/strip.js";
import { Sweep } from "../ecg/sweep.js";
import { address } from "../routes.js";
import { make, say } from "../shared/dom.js";
import { number } from "../shared/numbers.js";
import { age } from "../shared/time.js";
import { leadsOff, state } from "../ward/state.js";
import { AlarmLine } from "./sector_alarms.js";

export class Sector {
  #parts = {};
  #alarms = new AlarmLine();

  constructor(patient) {
    this.patient = patient;
    const part = (name, tag = "span", ...children) => (this.#parts[name] = make(tag, { class: name }, ...children));
    const value = (name, title) => make("div", { class: `value-${name}` }, make("dt", {}, title), part(name, "dd"));
    this.root = make(
      "article",
      { class: "sector", "data-patient": patient.id },
      make("h2", {}, make("a", { href: address("beds", patient.id) }, part("place"), " ", part("who")), part("lead"), part("paced"), part("age")),
      this.#alarms.root,
      make("div", { class: "trace" }, part("canvas", "canvas"), part("lost")),
      make("dl", {}, value("rate", "HR"), value("limits", "limits"), value("pvc", "V/min"), value("rhythm", "rhythm")),
    );
    new ResizeObserver(() => this.#alarms.fit()).observe(this.root);
    this.#parts.canvas.setAttribute("role", "img");
    this.#parts.canvas.setAttribute("aria-label", `ECG of ${patient.place}, 25 mm/s, 10 mm/mV`);
  }

  /** Draw what came in `seconds`. */
  frame(seconds) {
    this.sweep ??= new Sweep(this.#parts.canvas, {}, inks(this.root));
    this.patient.signal.advance(seconds);
    this.sweep.draw(this.patient.signal);
  }

  /** Say what is known at `now` (the page's clock); `server` is the server's. */
  tick(now, server) {
    const { patient } = this;
    const { live, numbers, silent } = state(patient, now);
    const { vitals, roster, signal } = patient;
    say(this.#parts.place, patient.place);
    say(this.#parts.who, patient.place === patient.id ? "" : patient.id);
    say(this.#parts.lead, signal.leads[0] ?? "");
    say(this.#parts.paced, roster?.paced === "yes" ? "paced" : "");
    say(this.#parts.age, live || silent === Infinity ? "" : `${age(silent)} old`);
    say(this.#parts.lost, live ? "" : silent === Infinity ? "no signal" : `no signal for ${age(silent)}`);
    say(this.#parts.rate, numbers && !leadsOff(patient) ? number(vitals.heart_rate) : "--");
    say(this.#parts.limits, roster?.low ? `${number(roster.high)} ${number(roster.low)}` : "");
    say(this.#parts.pvc, numbers ? number(vitals.v_per_minute) : "--");
    say(this.#parts.rhythm, (numbers && vitals.rhythm) || "--");
    const classes = ["sector", this.#alarms.show(patient, server), live ? "" : "stale"].filter(Boolean).join(" ");
    if (this.root.className !== classes) this.root.className = classes;
  }
}
