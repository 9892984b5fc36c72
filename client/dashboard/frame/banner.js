// The banner over every page: the most urgent alarm of all beds, with what can be done about it.

import { judged, kept, label, level, loudest, loudness, shown, technical } from "../alarm/priority.js";
import { make } from "../shared/dom.js";
import { address } from "../routes.js";

const PAUSE = 120; // seconds of an audio pause

/** Whether somebody can acknowledge it (the gateway's own alarms end by themselves). */
export const acknowledgeable = (alarm) => kept(alarm) && alarm.kind !== "ALARMS_PAUSED" && alarm.state !== "acknowledged";

/** What somebody who acknowledges all of these has seen: an alarm that comes or escalates later sounds on. */
export const seenOf = (alarms) => alarms.filter(acknowledgeable).map(({ id, update_no }) => ({ alarm: id, update_no }));

export class Banner {
  #root;
  #site;
  #told = "";
  #announced = new Map(); // alarm id → priority that was read out

  constructor(root, announcer, site) {
    this.#root = root;
    this.#site = site;
    this.announcer = announcer;
    this.top = null;
  }

  /** Show what stands now; nothing is touched unless it has changed. */
  show() {
    const alarms = shown(this.#site.ward.alarms()).filter((alarm) => alarm.priority > 0);
    this.top = alarms.toSorted(loudness)[0] ?? null;
    const told = JSON.stringify([this.top?.id, this.top?.update_no, alarms.length]);
    if (told !== this.#told) this.#draw(alarms);
    this.#told = told;
    this.#announce(alarms);
    return loudest(alarms);
  }

  /** Acknowledge the alarm in the banner. */
  acknowledge() {
    if (this.top && acknowledgeable(this.top)) this.#site.acknowledge(this.top);
  }

  /** Pause the sound of its patient. */
  pause() {
    if (this.top) this.#site.pause(this.top.patient, PAUSE);
  }

  #draw(alarms) {
    const { top } = this;
    this.#root.className = `banner ${top ? `${level(top)} ${top.state}` : "calm"}`;
    this.#root.replaceChildren(...(top ? this.#parts(top, alarms.length - 1) : [make("p", {}, "No alarms")]));
  }

  #parts(top, others) {
    const { place } = this.#site.ward.patient(top.patient);
    const by = top.acknowledged_by && ` by ${top.acknowledged_by}`;
    const button = (words, key, act) => make("button", { type: "button", "aria-keyshortcuts": key, onclick: act }, words);
    return [
      make("p", { class: "what" }, make("strong", {}, label(top)), `${by} `, make("span", {}, judged(top))),
      make("a", { class: "where", href: address("beds", top.patient) }, place),
      make("span", { class: "others" }, others ? `+ ${others} more` : ""),
      acknowledgeable(top) ? button("Acknowledge", "a", () => this.acknowledge()) : null,
      technical(top) ? null : button("Pause sound 2 min", "p", () => this.pause()),
    ].filter(Boolean);
  }

  /** Read new and worse alarms out, once. */
  #announce(alarms) {
    const active = alarms.filter((alarm) => alarm.state === "active");
    const news = active.filter((alarm) => alarm.priority > (this.#announced.get(alarm.id) ?? 0));
    this.#announced = new Map(active.map((alarm) => [alarm.id, alarm.priority]));
    if (!news.length) return;
    const words = news.map((alarm) => `${level(alarm)} priority: ${alarm.text}, ${this.#site.ward.patient(alarm.patient).place}`);
    this.announcer.textContent = words.join(". ");
  }
}
