// Alarm review: the list of alarms, restricted by what the address says; one alarm when it names one.

import { judged, label, LEVELS, level } from "../alarm/priority.js";
import { STATES, filters, query } from "../review/filters.js";
import { Newer } from "../review/newer.js";
import { lasted } from "../review/strip.js";
import { latest, verdict } from "../review/verdicts.js";
import { address } from "../routes.js";
import { get } from "../shared/api.js";
import { make, say } from "../shared/dom.js";
import { download } from "../shared/download.js";
import { form } from "../shared/form.js";
import { choices, known } from "../shared/known.js";
import { fill } from "../shared/message.js";
import { table } from "../shared/table.js";
import { dateTime, span } from "../shared/time.js";
import * as alarm from "./review_alarm.js";

const MOST = 200; // alarms of a list; an export has a thousand

/** Open the list, or the alarm `route.id`. */
export function open(root, site, route) {
  if (route.id) return alarm.open(root, site, route);
  const wanted = filters(route.options);
  const [asked, found] = [make("div", { class: "panel asked" }), make("div", { class: "found" })];
  const bar = newcomers(show);
  let newer;
  root.append(make("h1", {}, "Alarm review"), asked, bar.root, found);
  fill(asked, async () => search(wanted, await known(site.ward), site));
  load();
  return {
    heard(event) {
      if (event.type !== "alarm") return;
      newer.heard(event);
      bar.tell(newer.count);
    },
  };

  async function load() {
    newer = new Newer(wanted, MOST);
    await fill(found, () => list(wanted, site, newer));
    bar.tell(newer.count);
  }

  async function show() {
    await load();
    found.querySelector("[role=region]")?.focus(); // the button that had the focus is gone
  }
}

/** The line that says how many newer alarms there are, with the button that shows them; none is moved meanwhile. */
function newcomers(show) {
  const told = make("p", { class: "visually-hidden", role: "status" });
  const button = make("button", { type: "button", hidden: true, onclick: show });
  const tell = (count) => {
    const words = `${count}${count < MOST ? "" : " or more"} newer alarm${count > 1 ? "s" : ""}`;
    button.hidden = !count;
    say(button, `Show ${words}`);
    say(told, count ? words : "");
  };
  return { root: make("div", { class: "newer" }, told, button), tell };
}

function search(wanted, { patients, units, kinds }, site) {
  const select = (name, title, any, values) => ({ name, label: title, value: wanted[name] ?? "", options: choices(any, values, wanted[name]) });
  const time = (name, title) => ({ name, label: title, type: "datetime-local", value: wanted[name] ?? "" });
  const priorities = [3, 2, 1].map((number) => [String(number), `${LEVELS[number]}${number < 3 ? " and above" : ""}`]);
  return form({
    class: "form filters",
    fields: [
      select("patient", "Bed, patient", "All", patients),
      select("unit", "Unit", "All", units),
      select("kind", "Kind", "All", kinds),
      select("priority", "Priority", "All", priorities),
      select("state", "State", "All", STATES),
      time("since", "From"),
      time("until", "To"),
    ],
    button: "Show",
    submit: (values) => void site.go("review", "", values),
  });
}

async function list(wanted, site, newer) {
  const [{ alarms }, { feedback }] = await Promise.all([
    get("/v1/alarms", query(wanted, MOST)),
    get("/v1/feedback", { about: "alarm", patient: wanted.patient, limit: 1000 }),
  ]);
  newer.listed(alarms);
  const said = latest(feedback);
  const caption = alarms.length < MOST ? `${alarms.length} alarms` : `The newest ${MOST} alarms; restrict them to see others`;
  return [
    make("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Alarms" }, table(caption, columns(wanted, said), alarms, "No alarm is like that.")),
    make("p", {}, download("Export this list as CSV", exported(wanted), "alarms.csv", site.say)),
  ];
}

function columns(wanted, said) {
  const link = (one) => make("a", { class: `chip ${level(one)} ended`, href: address("review", one.id, wanted) }, label({ ...one, state: "active" }));
  return [
    { title: "Alarm", cell: link },
    { title: "Onset", cell: (one) => dateTime(one.onset_time), class: "time" },
    { title: "Lasted", cell: duration, class: "time" },
    { title: "Bed", cell: (one) => [one.unit, one.bed].filter(Boolean).join(" ") || "--" },
    { title: "Patient", cell: (one) => one.patient },
    { title: "Value", cell: judged },
    { title: "State", cell: (one) => one.state },
    { title: "Judged", cell: (one) => make("span", { class: `verdict ${said.get(one.id)?.verdict ?? ""}` }, verdict(said.get(one.id))) },
  ];
}

function duration(one) {
  const seconds = lasted(one);
  return seconds === null ? "--" : span(seconds);
}

function exported(wanted) {
  const words = Object.entries(query(wanted, 1000)).filter(([, value]) => value !== "" && value !== undefined);
  return `/v1/alarms.csv?${new URLSearchParams(words)}`;
}
