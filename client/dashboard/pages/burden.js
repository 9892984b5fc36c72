// Alarm burden: how many alarms each bed had on each day, of which kind, and how many were called false.

import { byBed, byDay, dayName, daysUntil, total } from "../burden/summary.js";
import { address } from "../routes.js";
import { get } from "../shared/api.js";
import { make } from "../shared/dom.js";
import { form } from "../shared/form.js";
import { choices, known } from "../shared/known.js";
import { fill } from "../shared/message.js";
import { share } from "../shared/numbers.js";
import { table } from "../shared/table.js";

const SPANS = [["1", "Today"], ["7", "7 days"], ["14", "14 days"], ["30", "30 days"]];
const USUAL = "7";

/** Open the page; `route.options` has `days`, `unit` and `until` (a date, its last day). */
export function open(root, site, { options }) {
  const days = SPANS.some(([value]) => value === options.days) ? options.days : USUAL;
  const [asked, found] = [make("div", { class: "panel asked short" }), make("div", { class: "found" })];
  root.append(make("h1", {}, "Alarm burden"), asked, found);
  fill(asked, async () => search({ ...options, days }, await known(site.ward), site));
  fill(found, () => show(Number(days), options));
  return {};
}

function search({ days, unit = "", until = "" }, { units }, site) {
  return form({
    class: "form filters",
    fields: [
      { name: "days", label: "Days", value: days, options: SPANS },
      { name: "until", label: "Last day", type: "date", value: until },
      { name: "unit", label: "Unit", value: unit, options: choices("All", units, unit) },
    ],
    button: "Show",
    submit: (values) => void site.go("burden", "", values),
  });
}

async function show(count, { unit = "", until = "" }) {
  const end = lastMoment(until);
  const east = -new Date(end).getTimezoneOffset();
  const days = daysUntil(end, count, east);
  // Whole days: as many as are shown, however late it is on the last one.
  const { burden } = await get("/v1/burden", { days: count + 1, until: end / 1000, unit, east });
  const rows = burden.filter(({ day }) => day >= days[0]);
  if (!rows.length) return make("p", { class: "empty" }, "No alarms in these days.");
  return [summary(rows, days), bars(byDay(rows, days)), ...byBed(rows).map((bed) => perBed(bed, days))];
}

/** The end of a date in this browser's zone, or now; ms since 1970. */
function lastMoment(date) {
  const end = date ? new Date(`${date}T23:59:59.999`).getTime() : NaN;
  return Number.isNaN(end) ? Date.now() : Math.min(end, Date.now());
}

function summary(rows, days) {
  const { count, judged, false: wrong } = total(rows);
  const facts = [
    ["Alarms", count], ["A day", (count / days.length).toFixed(1)], ["Judged", `${judged} (${share(judged, count)})`],
    ["Marked false", `${wrong} (${share(wrong, judged)} of the judged)`],
  ];
  return make("dl", { class: "facts big" }, facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))));
}

/** A bar for each day, its parts by priority. */
function bars(days) {
  const most = Math.max(...days.map(({ count }) => count));
  const part = ({ level, count }) => {
    const element = make("span", { class: `part ${level}`, title: `${level}: ${count}` });
    element.style.setProperty("--share", count / most);
    return element;
  };
  const levels = (day) => day.levels.filter(({ count }) => count);
  const line = (day) => make(
    "li",
    {},
    make("span", { class: "day" }, dayName(day.day)),
    make("span", { class: "parts", role: "img", "aria-label": levels(day).map(({ level, count }) => `${count} ${level}`).join(", ") || "no alarms" }, levels(day).map(part)),
    make("span", { class: "number" }, String(day.count)),
  );
  const legend = ["high", "medium", "low", "information"].map((level) => make("span", {}, make("i", { class: level }), level));
  return make("section", { class: "panel" }, make("h2", {}, "By day ", make("span", { class: "legend" }, legend)), make("ul", { class: "bars" }, days.map(line)));
}

function perBed(bed, days) {
  const day = (number) => ({ title: dayName(number).slice(5), class: "number", cell: ({ days: counts }) => String(counts.get(number) ?? "·") });
  const columns = [
    { title: "Kind", cell: ({ kind, level }) => make("a", { class: "kind", href: address("review", "", { patient: bed.patient, kind }) }, make("i", { class: level }), kind) },
    ...days.map(day),
    { title: "All", class: "number", cell: ({ count }) => make("strong", {}, String(count)) },
    { title: "Judged", class: "number", cell: ({ judged }) => String(judged) },
    { title: "Marked false", class: "number false", cell: ({ false: wrong, judged }) => (judged ? `${wrong} (${share(wrong, judged)})` : "--") },
  ];
  const caption = `${bed.count} alarms, ${bed.judged} judged, ${bed.false} marked false`;
  return make(
    "section",
    { class: "panel bed", "data-patient": bed.patient },
    make("h2", {}, `${bed.place} · ${bed.patient}`),
    make("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": `Alarms of ${bed.place}` }, table(caption, columns, bed.kinds)),
  );
}
