// What can be chosen: patients, units and kinds of alarms that the server knows.

import { get } from "./api.js";

const MONTH = 31; // days that the burden looks back at most

/** { patients: [[id, words]], units, kinds }, each sorted; present patients come from the ward, too. */
export async function known(ward) {
  const [{ patients }, { burden }] = await Promise.all([get("/v1/patients", { discharged: true }), get("/v1/burden", { days: MONTH })]);
  const people = new Map(burden.map(({ patient, unit, bed }) => [patient, { unit, bed }]));
  for (const { id, unit, bed } of [...patients, ...ward.patients.values()]) if (id) people.set(id, { unit, bed });
  return {
    patients: [...people].map(([id, place]) => [id, named(id, place)]).sort((a, b) => a[1].localeCompare(b[1], "en", { numeric: true })),
    units: sorted([...people.values(), ...burden].map(({ unit }) => unit)),
    kinds: sorted(burden.map(({ kind }) => kind)),
  };
}

const sorted = (words) => [...new Set(words.filter(Boolean))].sort();
const named = (id, { unit, bed }) => [[unit, bed].filter(Boolean).join(" "), id].filter(Boolean).join(" · ");

/** Options of a select: any, and each of `values`; one that is not among them is kept. */
export function choices(any, values, chosen) {
  const pairs = values.map((value) => [value].flat()).map(([value, words = value]) => [value, words]);
  const strange = chosen && !pairs.some(([value]) => value === chosen) ? [[chosen, chosen]] : [];
  return [["", any], ...pairs, ...strange];
}
