// One bed: several leads with beat labels, numbers, alarms, trends, limits, admission.

import { GAINS, SPEEDS } from "../ecg/paper.js";
import { inks } from "../ecg/strip.js";
import { Sweep } from "../ecg/sweep.js";
import { make, say } from "../shared/dom.js";
import { age } from "../shared/time.js";
import { state } from "../ward/state.js";
import { alarmList } from "./bed_alarms.js";
import { careForms } from "./bed_forms.js";
import { Numbers } from "./bed_numbers.js";
import { Trends } from "./bed_trends.js";

/** Open the page of patient `route.id`; `speed` and `gain` of the trace are in its address. */
export function open(root, site, route) {
  const patient = () => site.ward.patient(route.id);
  const look = { speed: Number(route.options.speed) || 25, gain: Number(route.options.gain) || 10 };
  const place = make("span", { class: "place" });
  const lost = make("p", { class: "lost", role: "status" });
  const canvas = make("canvas", { role: "img", "aria-label": `ECG of ${route.id}, ${look.speed} mm/s, ${look.gain} mm/mV, with beat classes` });
  const care = make("div", { class: "care" });
  const numbers = new Numbers();
  const alarms = alarmList(site, route.id);
  const trends = new Trends(route.id, site);
  root.append(
    make("div", { class: "bed-head" }, make("h1", {}, place, " ", make("small", {}, route.id)), choices(site, route, look)),
    make("div", { class: "bed-live" }, make("div", { class: "trace" }, canvas, lost), numbers.root),
    make("div", { class: "bed-more" }, alarms.root, trends.root, care),
  );
  let sweep = null;
  tick();
  return { frame, tick, close: () => trends.close() };

  function frame(seconds) {
    sweep ??= new Sweep(canvas, { ...look, leads: 12, beats: true }, inks(canvas));
    const { signal, beats } = patient();
    signal.advance(seconds);
    sweep.draw(signal, beats);
  }

  function tick() {
    const known = patient();
    const { live, silent } = state(known, site.clock());
    say(place, known.place);
    say(lost, live ? "" : silent === Infinity ? "No signal" : `No signal for ${age(silent)}`);
    root.classList.toggle("stale", !live);
    numbers.show(known, site.clock());
    alarms.show(known, site.now());
    if (site.ward.listed && !care.childElementCount) care.append(...careForms(site, route.id));
  }
}

/** Speed and gain as two rows of buttons; the address keeps them. */
function choices(site, route, look) {
  const row = (name, values, unit) => {
    const press = (value) => () => site.go("beds", route.id, { ...route.options, [name]: value });
    const buttons = values.map((value) => make("button", { type: "button", "aria-pressed": String(value === look[name]), onclick: press(value) }, String(value)));
    return make("span", { class: "choices", role: "group", "aria-label": `${name} in ${unit}` }, buttons, make("span", { class: "dim" }, unit));
  };
  return make("div", { class: "bar" }, row("speed", SPEEDS, "mm/s"), row("gain", GAINS, "mm/mV"));
}
