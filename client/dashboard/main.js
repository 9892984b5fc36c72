// The live page: one tile for each patient, drawn at the display's frame rate.

import { follow } from "./link.js";
import { Signal, Trace } from "./trace.js";
import { LEVELS, Ward, label, number, shown } from "./ward.js";

const STALE = 3; // seconds
const GONE = 60; // seconds without data after which a patient without alarms leaves the page
const ward = new Ward();
const tiles = new Map();
const clock = () => performance.now() / 1000;

class Tile {
  constructor(patient) {
    this.root = document.querySelector("#bed").content.cloneNode(true).firstElementChild;
    this.part = (name) => this.root.querySelector(name);
    this.trace = new Trace(this.part("canvas"));
    this.alarms = "";
    patient.signal ??= new Signal();
    this.patient = patient;
  }

  words(now) {
    const { id, place, vitals, seen, sent } = this.patient;
    const age = now - Math.max(seen, sent);
    const fresh = now - seen <= STALE;
    this.part(".name").textContent = place ? `${place} · ${id}` : id;
    this.part(".age").textContent = age < 1.5 ? "" : `${Math.round(age)} s old`;
    this.part(".hr").textContent = fresh ? number(vitals?.heart_rate) : "--";
    this.part(".v").textContent = fresh ? number(vitals?.v_per_minute) : "--";
    this.part(".rhythm").textContent = (fresh && vitals?.rhythm) || "--";
    this.root.classList.toggle("stale", now - sent > STALE);
    this.showAlarms();
  }

  showAlarms() {
    const alarms = shown(this.patient);
    const words = alarms.map((alarm) => `${label(alarm)}/${alarm.state}`).join("|");
    if (words === this.alarms) return; // a screen reader would read it again
    this.alarms = words;
    const top = alarms.find((alarm) => alarm.state === "active");
    for (const level of LEVELS) this.root.classList.toggle(level, !!top && LEVELS[top.priority] === level);
    this.part(".alarms").replaceChildren(...alarms.map((alarm) => {
      const item = document.createElement("li");
      item.className = `${LEVELS[alarm.priority]} ${alarm.state}`;
      item.textContent = label(alarm);
      return item;
    }));
  }
}

function layout(now) {
  for (const [id, patient] of ward.patients) {
    const gone = now - Math.max(patient.seen, patient.sent) > GONE && !patient.alarms.size;
    if (gone) {
      tiles.get(id)?.root.remove();
      tiles.delete(id);
      ward.patients.delete(id);
    } else if (!tiles.has(id)) tiles.set(id, new Tile(patient));
  }
  const sorted = [...tiles.values()].sort((a, b) => order(a.patient).localeCompare(order(b.patient)));
  const main = document.querySelector("#ward");
  sorted.forEach(({ root }, i) => main.children[i] === root || main.insertBefore(root, main.children[i] ?? null));
  document.querySelector("#empty").hidden = tiles.size > 0;
}

const order = (patient) => `${patient.place} ${patient.id}`;

let drawn = clock();
function frame() {
  const now = clock();
  for (const tile of tiles.values()) tile.trace.draw(tile.patient.signal, Math.min(now - drawn, 0.5));
  drawn = now;
  requestAnimationFrame(frame);
}

function tick() {
  const now = clock();
  layout(now);
  for (const tile of tiles.values()) tile.words(now);
}

const channels = ["alarms", "vitals", "waveform"];
const state = document.querySelector("#link");
follow(channels, () => ward.cursor, (message) => ward.apply(message, clock()), (up, words) => {
  state.textContent = words;
  state.classList.toggle("down", !up);
});
setInterval(tick, 250);
frame();
