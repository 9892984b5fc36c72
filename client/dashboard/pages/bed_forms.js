// Forms of one bed: limits of the heart rate, admission or transfer, discharge.

import { make } from "../shared/dom.js";
import { form } from "../shared/form.js";

const CATEGORIES = [["adult", "adult"], ["paediatric", "paediatric"], ["neonatal", "neonatal"]];
const PACED = [["unknown", "unknown"], ["yes", "yes"], ["no", "no"]];
const SEXES = [["", "–"], ["F", "F"], ["M", "M"], ["X", "X"]];

const UNKNOWN = { birth_year: null, sex: null, category: "adult", paced: "unknown" };

/** An admission: who the patient is only where that was changed, as it may be newer than what was shown. */
export function admission(shown, entered) {
  const { unit = "", bed = "", ...who } = { birth_year: null, sex: null, ...entered };
  const changes = Object.entries(who).filter(([name, value]) => value !== (shown[name] ?? UNKNOWN[name]));
  return { unit, bed, ...Object.fromEntries(changes) };
}

/** The panels with all of them, filled with what is known. */
export function careForms(site, id) {
  const known = site.ward.patient(id);
  const roster = known.roster ?? {};
  const done = (words) => (event) => (event ? `${words} by ${event.by}` : "Nothing was changed: nobody gave a name");
  const carryOut = (what, words) => async (values) => done(words)(await site.command(id, what, values));
  const limits = form({
    fields: [
      { name: "low", label: "Low /min", type: "number", required: true, step: 1, value: roster.low ?? 50 },
      { name: "high", label: "High /min", type: "number", required: true, step: 1, value: roster.high ?? 120 },
    ],
    button: "Set limits",
    submit: carryOut("limits", "Limits set"),
  });
  const admit = form({
    fields: [
      { name: "unit", label: "Unit", value: known.unit, maxLength: 256 },
      { name: "bed", label: "Bed", value: known.bed, maxLength: 256 },
      { name: "birth_year", label: "Birth year", type: "number", step: 1, value: roster.birth_year ?? "" },
      { name: "sex", label: "Sex", options: SEXES, value: roster.sex ?? "" },
      { name: "category", label: "Category", options: CATEGORIES, value: roster.category ?? "adult" },
      { name: "paced", label: "Pacemaker", options: PACED, value: roster.paced ?? "unknown" },
    ],
    button: roster.admitted_at ? "Save or transfer" : "Admit",
    submit: (values) => carryOut("admit", "Admitted")(admission(roster, values)),
  });
  const discharge = form({ fields: [], button: "Discharge", submit: carryOut("discharge", "Discharged") });
  const panel = (title, ...parts) => make("section", { class: "panel", "aria-label": title }, make("h2", {}, title), parts);
  return [
    panel("Heart-rate limits", limits),
    panel("Admission and transfer", admit, make("p", { class: "dim" }, "A discharge ends all alarms and resets the limits."), discharge),
  ];
}
