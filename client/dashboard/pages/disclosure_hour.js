// An hour of full disclosure: sixty rows of a minute, outlined; each leads to its minute.

import { level } from "../alarm/priority.js";
import { columns, minute, MINUTE, HOUR } from "../disclosure/stretch.js";
import { fit } from "../ecg/paper.js";
import { inks } from "../ecg/strip.js";
import { get } from "../shared/api.js";
import { make } from "../shared/dom.js";
import { clockTime } from "../shared/time.js";

const PER_MINUTE = 300; // columns of 0.2 s: about as many as there are pixels
const HIGH = 18; // pixels of a row

export class Hour {
  #rows = [];
  #told = "";

  /** `go(time)` is called for the minute that was chosen; `href(time)` is its address. */
  constructor(root, go, href) {
    this.#rows = Array.from({ length: 60 }, () => row(go));
    this.href = href;
    root.append(...this.#rows.map(({ root: one }) => one));
  }

  /** Show the hour from `since` of one lead; `shown` is the minute that is open. */
  async load(patient, since, lead, alarms) {
    const told = [patient, since, lead, alarms.length].join();
    if (told === this.#told) return;
    this.#told = told;
    const step = MINUTE / PER_MINUTE;
    const outline = await get(`/v1/patients/${patient}/envelope`, { since, seconds: HOUR, lead, step });
    if (told !== this.#told) return; // another hour was asked for meanwhile
    const found = columns(outline, since, 60 * PER_MINUTE, step);
    this.#rows.forEach((one, i) => {
      const start = since + i * MINUTE;
      const here = alarms.filter(({ onset_time: at }) => at >= start && at < start + MINUTE);
      this.#show(one, start, minute(found, i, PER_MINUTE), here);
    });
  }

  /** Mark the minute that is open. */
  mark(time) {
    for (const { root } of this.#rows) {
      const open = Number(root.dataset.time) === time;
      root.toggleAttribute("aria-current", open);
      if (open) root.parentElement.scrollTop = root.offsetTop - root.parentElement.offsetTop - root.parentElement.clientHeight / 2;
    }
  }

  #show({ root, words, canvas, marks }, start, part, alarms) {
    const seconds = Math.round(part.share * MINUTE);
    root.dataset.time = start;
    root.href = this.href(start);
    root.setAttribute("aria-label", [clockTime(start).slice(0, 5), seconds ? `${seconds} s stored` : "nothing stored", ...alarms.map(({ text }) => text)].join(", "));
    words.textContent = clockTime(start).slice(0, 5);
    marks.replaceChildren(...alarms.map((alarm) => tick(alarm, start)));
    draw(canvas, part);
  }
}

function row(go) {
  const [words, canvas, marks] = [make("span", { class: "minute" }), make("canvas"), make("span", { class: "ticks" })];
  const root = make("a", { class: "minute-row", onclick }, words, make("span", { class: "outline" }, canvas, marks));
  return { root, words, canvas, marks };

  function onclick(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab, as for any link
    event.preventDefault();
    go(Number(root.dataset.time));
  }
}

function tick(alarm, start) {
  const mark = make("i", { class: level(alarm), title: alarm.text });
  mark.style.left = `${(100 * (alarm.onset_time - start)) / MINUTE}%`;
  return mark;
}

/** A column for each part of the minute, from its least to its greatest value; none where nothing is stored. */
function draw(canvas, { low, high }) {
  fit(canvas);
  const [pen, ink, wide] = [canvas.getContext("2d"), inks(canvas), canvas.clientWidth / low.length];
  pen.fillStyle = ink.back;
  pen.fillRect(0, 0, canvas.clientWidth, HIGH);
  const known = [...low, ...high].filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (!known.length) return;
  const [bottom, top] = [known[Math.floor(known.length * 0.002)], known[Math.ceil(known.length * 0.998) - 1]];
  const scale = (HIGH - 2) / Math.max(top - bottom, 500); // at least half a millivolt: noise is not blown up
  pen.fillStyle = ink.trace;
  low.forEach((value, i) => {
    if (!Number.isNaN(value)) pen.fillRect(i * wide, HIGH - 1 - (high[i] - bottom) * scale, Math.max(wide, 0.75), Math.max(1, (high[i] - value) * scale));
  });
}
