// The overview: a sector for each bed, by unit and bed, as many as there are.

import { make } from "../shared/dom.js";
import { byBed, columns, units } from "./grid.js";
import { Sector } from "./sector.js";

/** Open the page; `route.options.unit` shows one unit only. */
export function open(root, site, route) {
  const unit = route.options.unit ?? "";
  const sectors = new Map();
  const title = make("h1", { class: "visually-hidden" }, "Overview");
  const ward = make("div", { class: "ward" });
  const empty = make("p", { class: "empty" }, "No patient sends yet.");
  const choice = make("select", { "aria-label": "Unit", onchange: () => site.go("", "", { unit: choice.value }) });
  root.append(title, empty, ward);
  site.slot.append(choice);
  tick();
  return { frame, tick };

  function frame(seconds) {
    for (const sector of sectors.values()) sector.frame(seconds);
  }

  function tick() {
    const shown = [...site.ward.patients.values()].filter((one) => !unit || one.unit === unit).sort(byBed);
    arrange(shown);
    offer(units(site.ward.patients.values()));
    for (const sector of sectors.values()) sector.tick(site.clock(), site.now());
  }

  /** Put sectors in their places; one that stays is not touched. */
  function arrange(shown) {
    for (const [id, sector] of sectors) {
      if (shown.includes(sector.patient)) continue;
      sector.root.remove();
      sectors.delete(id);
    }
    shown.forEach((patient, place) => {
      if (!sectors.has(patient.id)) sectors.set(patient.id, new Sector(patient));
      const sector = sectors.get(patient.id).root;
      if (ward.children[place] !== sector) ward.insertBefore(sector, ward.children[place] ?? null);
    });
    ward.style.setProperty("--columns", columns(shown.length, root.clientWidth));
    empty.hidden = shown.length > 0;
  }

  function offer(names) {
    const wanted = ["", ...new Set([...names, unit].filter(Boolean))];
    if (wanted.join() === [...choice.options].map(({ value }) => value).join()) return;
    choice.replaceChildren(...wanted.map((value) => make("option", { value, selected: value === unit }, value || "All units")));
  }
}
