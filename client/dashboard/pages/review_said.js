// What people say of an alarm and of its beats: forms to say it, and the list that everybody sees.

import { identified } from "../frame/signin.js";
import { VERDICTS, aboutAlarm, aboutBeat, sentence } from "../review/verdicts.js";
import { get, post } from "../shared/api.js";
import { make } from "../shared/dom.js";
import { form } from "../shared/form.js";
import { name } from "../shared/person.js";
import { dateTime } from "../shared/time.js";

const AGAIN = 5; // seconds between two looks at what others say
const NOTE = { name: "note", label: "Note", maxLength: 256 };
const CLASSES = [
  ["N", "N, normal"], ["S", "S, supraventricular"], ["V", "V, ventricular"],
  ["F", "F, fusion"], ["Q", "Q, paced or unclassifiable"], ["artefact", "no beat there"],
];

export class Said {
  #id;
  #site;
  #looked = -Infinity;
  #lines = null;
  #history = make("ul", { class: "plain-list", "aria-live": "polite" });
  #beats = make("div");

  constructor(root, id, site) {
    this.#id = id;
    this.#site = site;
    root.append(make("h2", {}, "Was this alarm right?"), this.#forAlarm(), this.#history, this.#beats);
  }

  /** Look now and then: somebody else may have judged it. */
  tick() {
    if (this.#site.clock() - this.#looked > AGAIN) this.#look();
  }

  /** Let the class of one of these beats be corrected. */
  offer(beats) {
    if (!beats.length) return;
    const options = beats.map((beat, i) => [String(i), `${i + 1}: ${beat.class} at ${dateTime(beat.time)}`]);
    const correction = form({
      fields: [
        { name: "beat", label: "Beat of the strip", value: "0", options },
        { name: "label", label: "The class that it has", value: "N", options: CLASSES },
        NOTE,
      ],
      button: "Correct the beat",
      submit: ({ beat, ...said }) => this.#say(aboutBeat(beats[beat], said)),
    });
    this.#beats.replaceChildren(make("h2", {}, "A beat has another class?"), correction);
  }

  #forAlarm() {
    return form({
      class: "form verdict-form",
      fields: [{ name: "verdict", label: "Verdict", value: "wrong", options: VERDICTS }, NOTE],
      button: "Mark the alarm",
      submit: (said) => this.#say(aboutAlarm({ id: this.#id }, said)),
    });
  }

  async #say(body) {
    if (!(await identified())) return "Not marked: nobody said who.";
    await post("/v1/feedback", { by: name(), ...body });
    await this.#look();
    return "Kept.";
  }

  async #look() {
    this.#looked = this.#site.clock();
    const answer = await get("/v1/feedback", { alarm: this.#id }).catch(() => null);
    const lines = answer?.feedback.map((one) => sentence(one, dateTime));
    if (!lines || lines.join() === this.#lines) return;
    this.#lines = lines.join();
    this.#history.replaceChildren(...(lines.length ? lines : ["Nobody has judged it yet."]).map((line) => make("li", {}, line)));
  }
}
