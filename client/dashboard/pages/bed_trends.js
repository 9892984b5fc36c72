// The trends of one bed: heart rate (mean in its range) and V beats per minute, up to 24 hours.

import { fit } from "../ecg/paper.js";
import { inks } from "../ecg/strip.js";
import { get } from "../shared/api.js";
import { make, say } from "../shared/dom.js";
import { number } from "../shared/numbers.js";
import { clockTime } from "../shared/time.js";
import { hours, points, range } from "./trend.js";

const SPANS = [1, 8, 24]; // hours
const EVERY = 60_000; // ms: a trend has a new minute each minute
const LEFT = 34; // pixels for numbers
const FOOT = 18; // pixels for times

export class Trends {
  #span = 24;
  #timer;

  constructor(id, site) {
    Object.assign(this, { id, site });
    this.canvas = make("canvas", { role: "img" });
    this.words = make("p", { class: "status", role: "status" });
    this.buttons = SPANS.map((span) => make("button", { type: "button", onclick: () => this.show(span) }, `${span} h`));
    const bar = make("div", { class: "bar" }, make("h2", {}, "Trends"), make("span", { class: "choices", role: "group", "aria-label": "Span of the trends" }, this.buttons));
    this.root = make("section", { class: "panel trends", "aria-label": "Trends" }, bar, this.canvas, this.words);
    this.#timer = setInterval(() => this.show(this.#span), EVERY);
    this.show(this.#span);
  }

  close() {
    clearInterval(this.#timer);
  }

  /** Fetch and draw the last `span` hours. */
  async show(span) {
    this.#span = span;
    this.buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(SPANS[i] === span)));
    const until = Date.now() / 1000;
    try {
      const { trends } = await get(`/v1/patients/${encodeURIComponent(this.id)}/trends`, { since: until - span * 3600, until });
      if (this.canvas.isConnected) this.#draw(trends, until - span * 3600, until);
    } catch (problem) {
      say(this.words, problem.message);
    }
  }

  #draw(trends, begin, end) {
    const found = points(trends, begin / 60, end / 60);
    fit(this.canvas);
    const ink = inks(this.root);
    const [wide, high] = [this.canvas.clientWidth, this.canvas.clientHeight - FOOT];
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, wide, high + FOOT);
    const rates = found.flatMap(({ low, high: top }) => [low, top]);
    const heart = chart(pen, ink, 6, high * 0.62, wide, range(rates, 20, [50, 110]), "HR /min");
    const pvcs = chart(pen, ink, high * 0.62 + 18, high, wide, range(found.map(({ pvc }) => pvc), 10, [0, 10]), "V /min");
    for (const at of hours(begin, end, 8)) tick(pen, ink, LEFT + ((at - begin) / (end - begin)) * (wide - LEFT), high + FOOT - 5, at);
    for (const { x, low, high: top } of found) {
      if (low === null) continue;
      pen.fillStyle = ink["grid-strong"];
      pen.fillRect(heart.x(x) - 1, heart.y(top), 2, heart.y(low) - heart.y(top) + 1);
    }
    line(pen, found, heart, "mean", ink.trace);
    line(pen, found, pvcs, "pvc", ink["beat-V"]);
    this.#say(found);
  }

  #say(found) {
    const known = found.filter(({ mean }) => mean !== null).map(({ mean }) => mean);
    const words = known.length ? `Heart rate by minute: ${number(Math.min(...known))} to ${number(Math.max(...known))} /min in ${known.length} minutes.` : "No complete minute yet.";
    say(this.words, words);
    this.canvas.setAttribute("aria-label", `Trends of the last ${this.#span} hours. ${words}`);
  }
}

/** The axes of one chart; { x, y } place values on it. */
function chart(pen, ink, top, bottom, wide, [from, to], title) {
  const y = (value) => bottom - ((value - from) / (to - from)) * (bottom - top);
  pen.font = "12px system-ui, sans-serif";
  pen.fillStyle = pen.strokeStyle = ink.dim;
  pen.lineWidth = 0.5;
  for (const value of [from, (from + to) / 2, to]) {
    pen.fillText(number(value), 0, y(value) + 4);
    pen.beginPath();
    pen.moveTo(LEFT, y(value));
    pen.lineTo(wide, y(value));
    pen.stroke();
  }
  pen.fillText(title, LEFT + 6, top + 12);
  return { x: (share) => LEFT + share * (wide - LEFT), y };
}

function tick(pen, ink, x, y, at) {
  pen.fillStyle = ink.dim;
  pen.fillText(clockTime(at).slice(0, 5), x - 14, y);
}

/** A line through what is known; a minute that is missing is a hole. */
function line(pen, found, { x, y }, name, colour) {
  pen.beginPath();
  let down = false;
  for (const point of found) {
    const value = point[name];
    if (value === null) down = false;
    else {
      pen[down && point.join ? "lineTo" : "moveTo"](x(point.x), y(value));
      if (!(down && point.join)) pen.lineTo(x(point.x) + 1, y(value));
      down = true;
    }
  }
  pen.strokeStyle = pen.fillStyle = colour;
  pen.lineWidth = 1.5;
  pen.stroke();
}
