// What was found in a file: counts, alarms, notes, and its signal minute by minute with the beats.

import { drawRows, rowSeconds } from "../ecg/rows.js";
import { get } from "../shared/api.js";
import { make, say } from "../shared/dom.js";
import { download } from "../shared/download.js";
import { number } from "../shared/numbers.js";
import { shortcuts } from "../shared/shortcuts.js";
import { table } from "../shared/table.js";
import { span } from "../shared/time.js";
import { BEATS, asSignal, counts, guess, joined, otherPage } from "../upload/words.js";

const MINUTE = 60;
const POINTS = 20_000; // of one answer, as the server limits it

export class Found {
  #path;
  #site;
  #asked = 0;
  #at = 0;
  #keys = () => {};
  #rows = make("div", { class: "rows", tabIndex: -1 });
  #status = make("p", { class: "status", role: "status" });

  constructor(root, id, site) {
    this.root = root;
    this.id = id;
    this.#site = site;
    this.#path = `/v1/uploads/${encodeURIComponent(id)}`;
  }

  close() {
    this.#keys();
  }

  /** Fetch the result; gives the sections that show it. */
  async load() {
    this.result = await get(`${this.#path}/result`);
    this.#keys = shortcuts({ ArrowLeft: () => this.#turn(-MINUTE), ArrowRight: () => this.#turn(MINUTE) });
    requestAnimationFrame(() => this.#show(0)); // when the sections stand in the page and have a width
    return [this.#summary(), this.#signal(), make("div", { class: "two" }, this.#conditions(), this.#alarms())];
  }

  #summary() {
    const { name, format, lead, rate, seconds, gap_seconds: gap, heart_rate: heart, model, notes, beats } = this.result;
    const facts = [
      ["Record", `${name}, ${format.toUpperCase()}`], ["Lead", lead], ["Rate", `${rate} Hz`], ["Length", span(seconds)],
      ["Without signal", gap ? `${gap.toFixed(1)} s` : "nothing"],
      ["Heart rate", heart ? `${number(heart.mean)} (${number(heart.low)} to ${number(heart.high)}) /min` : "--"], ["Model", model],
    ];
    return make(
      "section",
      { class: "panel" },
      make("h2", {}, `Found in ${name}`),
      make("dl", { class: "facts" }, facts.map(([title, value]) => make("div", {}, make("dt", {}, title), make("dd", {}, value)))),
      make("ul", { class: "counts", "aria-label": "Beats by class" }, counts(beats).map(counted)),
      notes.length ? make("ul", { class: "notes" }, notes.map((note) => make("li", {}, note))) : null,
      make("p", { class: "bar" }, download("Beats as CSV", `${this.#path}/beats?format=csv`, `${name}-beats.csv`, this.#site.say)),
    );
  }

  #signal() {
    const turn = (words, seconds, key) => make("button", { type: "button", "aria-keyshortcuts": key, onclick: () => this.#turn(seconds) }, words);
    const bar = make("div", { class: "bar" }, turn("‹ Minute", -MINUTE, "ArrowLeft"), turn("Minute ›", MINUTE, "ArrowRight"), this.#status);
    return make("section", { class: "panel signal", "aria-label": "Signal" }, make("h2", {}, "Signal, 25 mm/s, 10 mm/mV"), bar, this.#rows);
  }

  #conditions() {
    const columns = [
      { title: "Condition", cell: ({ text, priority }) => chip(text, priority) },
      { title: "Times", class: "number", cell: ({ count }) => String(count) },
      { title: "Lasting", class: "number", cell: ({ seconds }) => span(seconds) },
    ];
    return make("section", { class: "panel" }, table("Alarms by kind", columns, this.result.conditions, "No alarm."));
  }

  #alarms() {
    const { alarms, alarms_total: total } = this.result;
    const go = (alarm) => make("button", { type: "button", "aria-label": `${span(alarm.onset_time)}, ${alarm.text}`, onclick: () => this.#show(alarm.onset_time, true) }, span(alarm.onset_time));
    const columns = [
      { title: "Onset", cell: go },
      { title: "Alarm", cell: ({ text, priority }) => chip(text, priority) },
      { title: "Lasted", class: "number", cell: (alarm) => span(alarm.end_time - alarm.onset_time) },
    ];
    const caption = alarms.length < total ? `The first ${alarms.length} of ${total} alarms` : `${total} alarms`;
    return make("section", { class: "panel listed", tabIndex: 0, "aria-label": "Alarms in order" }, table(caption, columns, alarms, "No alarm."));
  }

  #turn(seconds) {
    const last = Math.floor((this.result.seconds - 1e-3) / MINUTE) * MINUTE;
    this.#show(Math.min(last, Math.max(0, this.#at + seconds)));
  }

  /** Show the minute that a time lies in; `look` moves the view there. */
  async #show(time, look = false) {
    this.#at = Math.floor(time / MINUTE) * MINUTE;
    const asked = ++this.#asked;
    try {
      const [page, beats] = await Promise.all([
        this.#samples(),
        this.#beats(),
      ]);
      if (asked === this.#asked) this.#draw(page, beats);
    } catch (problem) {
      say(this.#status, problem.message);
    }
    if (look) this.#rows.scrollIntoView({ block: "center" });
  }

  #draw(page, beats) {
    const signal = asSignal(page, this.result.lead);
    const here = beats.filter(({ sample }) => sample >= page.first && sample < page.end);
    const marks = this.result.alarms.map(({ onset_sample: sample, text }) => ({ sample, text }));
    say(this.#status, `${span(this.#at)} to ${span((page.end) / page.rate)} of ${span(this.result.seconds)}, ${here.length} beats`);
    const seconds = rowSeconds(this.#rows.clientWidth);
    drawRows(this.#rows, signal, { seconds, time: (sample) => span(sample / page.rate), beats: here, marks });
  }

  /** The samples of the minute, in as many parts as one answer's limit asks for. */
  async #samples() {
    const seconds = Math.floor(POINTS / this.result.rate);
    const starts = Array.from({ length: Math.ceil(MINUTE / seconds) }, (_, i) => i * seconds);
    const parts = starts.map((start) => get(`${this.#path}/signal`, { start: this.#at + start, seconds: Math.min(seconds, MINUTE - start), points: POINTS }));
    return joined(await Promise.all(parts));
  }

  /** The beats of the minute: pages are counted, minutes are not, so a page may have to be asked for twice. */
  async #beats() {
    const { rate, trend } = this.result;
    const [from, to] = [this.#at * rate, (this.#at + MINUTE) * rate];
    for (let after = guess(trend, this.#at); ; ) {
      const page = await get(`${this.#path}/beats`, { after, limit: BEATS });
      const other = otherPage(page, after, from, to);
      if (other === null) return page.beats;
      after = other;
    }
  }
}

const chip = (text, priority) => make("span", { class: `chip ${priority} ended` }, text);

function counted({ class: kind, name, count, share }) {
  const bar = make("span", { class: "meter" });
  bar.style.setProperty("--share", share);
  return make("li", { class: `beat-${kind}` }, make("b", {}, kind), make("span", {}, name), bar, make("span", { class: "number" }, String(count)));
}
