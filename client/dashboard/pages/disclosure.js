// Full disclosure: everything that is stored of a patient, an hour and a minute at a time.
//
// The address is "#/disclosure/PATIENT?at=SECONDS&lead=II", so that a moment can be linked. Paging
// within the page changes the address without leaving the page.

import { around, hourOf, HOUR, MINUTE, minuteOf } from "../disclosure/stretch.js";
import { address } from "../routes.js";
import { get } from "../shared/api.js";
import { make, say } from "../shared/dom.js";
import { choices, known } from "../shared/known.js";
import { fill } from "../shared/message.js";
import { shortcuts } from "../shared/shortcuts.js";
import { clockTime, dateTime, day } from "../shared/time.js";
import { Hour } from "./disclosure_hour.js";
import { Minute } from "./disclosure_minute.js";

const MOST = 1000; // alarms of a patient that are marked and can be jumped to

/** Open the page of patient `route.id`, at `route.options.at` or at the newest minute. */
export function open(root, site, route) {
  const who = make("div", { class: "bar who" });
  root.append(make("h1", {}, route.id ? `Full disclosure · ${route.id}` : "Full disclosure"), who);
  fill(who, async () => choose(route.id, (await known(site.ward)).patients, site));
  if (!route.id) return {};
  const book = new Book(root, site, route);
  const close = shortcuts({
    ArrowLeft: () => book.page(-MINUTE),
    ArrowRight: () => book.page(MINUTE),
    "Shift+ArrowLeft": () => book.page(-HOUR),
    "Shift+ArrowRight": () => book.page(HOUR),
    "[": () => book.jump("before"),
    "]": () => book.jump("after"),
  });
  return { close };
}

function choose(patient, patients, site) {
  const options = choices("Choose …", patients, patient).map(([value, words]) => make("option", { value, selected: value === patient }, words));
  const choice = make("select", { onchange: () => choice.value && site.go("disclosure", choice.value) }, options);
  return make("label", { class: "choices" }, "Bed, patient", choice);
}

/** The pages of one patient, open at a time. */
class Book {
  #site;
  #patient;
  #lead;
  #at;
  #alarms = [];

  constructor(root, site, { id, options }) {
    this.#site = site;
    this.#patient = id;
    this.#lead = options.lead ?? "";
    this.#at = Number(options.at) || Date.now() / 1000 - MINUTE;
    this.#build(root);
    this.#listen();
  }

  /** Go on or back by seconds. */
  page(seconds) {
    this.#open(minuteOf(this.#at) + seconds);
  }

  /** Go to the alarm "before" or "after" the time that is open. */
  jump(which) {
    const alarm = around(this.#alarms, this.#at)[which];
    if (alarm) this.#open(alarm.onset_time, alarm.text);
    else say(this.status, `No alarm ${which} this one is stored.`);
  }

  #build(root) {
    const turn = (words, seconds, key, name) => make("button", { type: "button", "aria-keyshortcuts": key, "aria-label": name, onclick: () => this.page(seconds) }, words);
    const jump = (words, which, key) => make("button", { type: "button", "aria-keyshortcuts": key, onclick: () => this.jump(which) }, words);
    this.when = make("input", { type: "datetime-local", step: 1, "aria-label": "Time", onchange: () => this.#open(new Date(this.when.value).getTime() / 1000) });
    this.leads = make("select", { "aria-label": "Lead", onchange: () => this.#choose(this.leads.value) });
    this.status = make("p", { class: "status", role: "status" });
    const [minute, hour] = [make("section", { class: "panel minute-page" }), make("section", { class: "panel hour-page" })];
    this.title = make("h2");
    this.rows = make("div", { class: "hour-rows", role: "region", "aria-label": "The hour, minute by minute", tabIndex: 0 });
    hour.append(this.title, this.rows);
    root.append(
      make(
        "div",
        { class: "bar" },
        turn("« Hour", -HOUR, "Shift+ArrowLeft", "Hour back"), turn("‹ Minute", -MINUTE, "ArrowLeft", "Minute back"),
        this.when,
        turn("Minute ›", MINUTE, "ArrowRight", "Minute on"), turn("Hour »", HOUR, "Shift+ArrowRight", "Hour on"),
        jump("Alarm before", "before", "["), jump("Alarm after", "after", "]"),
        this.leads,
      ),
      this.status,
      make("div", { class: "disclosure" }, hour, minute),
    );
    this.minute = new Minute(minute);
    this.hour = new Hour(this.rows, (time) => this.#open(time), (time) => this.#address(time));
  }

  async #listen() {
    await this.#try(async () => {
      this.#alarms = (await get("/v1/alarms", { patient: this.#patient, limit: MOST })).alarms;
    });
    this.#open(this.#at);
  }

  /** Show the minute and the hour around `at`. */
  async #open(at, words = "") {
    if (!Number.isFinite(at) || at < 0) return;
    this.#at = at;
    history.replaceState(null, "", this.#address(at));
    const since = minuteOf(at);
    this.when.value = `${day(since)}T${clockTime(since)}`;
    say(this.title, `${day(hourOf(at))} ${clockTime(hourOf(at)).slice(0, 5)} to ${clockTime(hourOf(at) + HOUR).slice(0, 5)}`);
    await this.#try(async () => {
      const found = await this.minute.load(this.#patient, since, this.#lead, this.#alarms);
      if (!found) return; // another minute was asked for meanwhile
      this.#offer(found.names);
      say(this.status, `${words && `${words}: `}${dateTime(since)}, ${found.seconds} s stored, ${found.beats} beats`);
      if (this.#lead) await this.hour.load(this.#patient, hourOf(at), this.#lead, this.#alarms);
      this.hour.mark(since);
      if (at > since + 1) this.minute.look(at - since);
    });
  }

  /** The leads that there are; the first is shown until another is chosen. */
  #offer(names) {
    this.#lead ||= names[0] ?? "";
    const wanted = [...new Set([...[...this.leads.options].map(({ value }) => value), ...names])];
    this.leads.replaceChildren(...wanted.map((value) => make("option", { value, selected: value === this.#lead }, `Lead ${value}`)));
  }

  #choose(lead) {
    this.#lead = lead;
    this.#open(this.#at);
  }

  #address(time) {
    return address("disclosure", this.#patient, { at: Math.floor(time), lead: this.#lead });
  }

  async #try(act) {
    try {
      await act();
    } catch (problem) {
      say(this.status, problem.message);
    }
  }
}
