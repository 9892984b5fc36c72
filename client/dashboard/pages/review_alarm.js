// One alarm under review: its facts, its strip with beats, what people say of it, files, a printed sheet.

import { judged, label, level, technical } from "../alarm/priority.js";
import { drawRows, rowSeconds } from "../ecg/rows.js";
import { assemble } from "../ecg/samples.js";
import { filters, neighbours, query } from "../review/filters.js";
import { beatsOf, lasted, marksOf, stretch, timeOf } from "../review/strip.js";
import { address } from "../routes.js";
import { get } from "../shared/api.js";
import { make } from "../shared/dom.js";
import { download } from "../shared/download.js";
import { fill } from "../shared/message.js";
import { shortcuts } from "../shared/shortcuts.js";
import { clockTime, dateTime, span } from "../shared/time.js";
import { Said } from "./review_said.js";
import { sheet } from "./review_sheet.js";

const LISTED = 1000; // alarms among which the one before and the one after are looked for
const FRESH = 60; // seconds after its onset within which an alarm's strip is still to come
const AGAIN = 1000; // ms until it is asked for again

/** Open alarm `route.id`; the filters of the list that it was chosen from stay in the address. */
export function open(root, site, route) {
  const wanted = filters(route.options);
  const part = (kind) => make("section", { class: kind });
  const parts = { head: part("head"), strip: part("panel strip"), said: part("panel said"), print: part("sheet") };
  root.append(...Object.values(parts));
  const said = new Said(parts.said, route.id, site);
  const beside = {};
  const path = `/v1/alarms/${encodeURIComponent(route.id)}`;
  const go = (one) => one && site.go("review", one.id, wanted);
  fill(parts.head, async () => {
    const alarm = await get(path);
    Object.assign(beside, neighbours((await get("/v1/alarms", query(wanted, LISTED))).alarms, alarm.id));
    strip(alarm);
    return head(alarm, wanted, beside, site);
  });

  /** Draw the strip, once it is there: it ends some seconds after the alarm. */
  function strip(alarm) {
    if (alarm.strip?.blocks.length) return show(alarm, parts, said);
    const coming = !technical(alarm) && site.now() - alarm.onset_time < FRESH;
    const words = coming ? "Its strip comes when the seconds after the alarm have come." : "There is no strip of it.";
    parts.strip.replaceChildren(make("p", { class: "empty" }, words));
    if (coming) setTimeout(again, AGAIN, alarm);
  }

  async function again(alarm) {
    const now = await get(path).catch(() => alarm);
    if (parts.strip.isConnected) strip(now); // else another page is open
  }

  const close = shortcuts({ ArrowLeft: () => go(beside.newer), ArrowRight: () => go(beside.older) });
  return { tick: () => said.tick(), close };
}

/** Draw the strip, and the sheet that is printed. */
async function show(alarm, parts, said) {
  const signal = assemble(alarm.strip);
  const rows = make("div", { class: "rows" });
  const time = (sample) => clockTime(timeOf(alarm, signal.rate)(sample));
  const draw = (beats) => {
    drawRows(rows, signal, { seconds: rowSeconds(parts.strip.clientWidth - 32), time, beats, marks: marksOf(alarm) });
    sheet(parts.print, alarm, signal, beats, time);
  };
  parts.strip.replaceChildren(make("h2", {}, `Strip of ${Math.round((signal.end - signal.first) / signal.rate)} s, 25 mm/s, 10 mm/mV`), rows);
  draw([]);
  const heard = await get(`/v1/patients/${alarm.patient}/beats`, stretch(alarm, signal.rate)).catch(() => ({ beats: [] }));
  const beats = beatsOf(alarm, heard.beats);
  draw(beats);
  said.offer(beats);
}

function head(alarm, wanted, { newer, older }, site) {
  const link = (words, page, id, options, key) => make("a", { class: "button", href: address(page, id, options), "aria-keyshortcuts": key }, words);
  const file = (words, ending) => download(words, `/v1/alarms/${encodeURIComponent(alarm.id)}/strip.${ending}`, `${alarm.patient}-${alarm.kind}.${ending}`, site.say);
  return [
    make(
      "nav",
      { class: "bar", "aria-label": "Alarms in the list" },
      link("← List", "review", "", wanted),
      newer ? link("Newer", "review", newer.id, wanted, "ArrowLeft") : null,
      older ? link("Older", "review", older.id, wanted, "ArrowRight") : null,
      make("span", { class: "spread" }),
      link("Full disclosure", "disclosure", alarm.patient, { at: Math.floor(alarm.onset_time) }),
      file("Strip as CSV", "csv"),
      file("Strip as WFDB", "zip"),
      make("button", { type: "button", onclick: () => print() }, "Print"),
    ),
    make("h1", {}, make("span", { class: `chip ${level(alarm)} ended` }, label({ ...alarm, state: "active" })), ` ${place(alarm)}`),
    make("dl", { class: "facts" }, facts(alarm).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))),
  ];
}

const place = ({ unit, bed, patient }) => [unit, bed, "·", patient].filter(Boolean).join(" ");

/** What is known of an alarm, as pairs of words; what is not known is left out. */
function facts(alarm) {
  const seconds = lasted(alarm, alarm.strip?.blocks[0]?.rate);
  const seen = alarm.acknowledged_by && `${alarm.acknowledged_by}, ${clockTime(alarm.acknowledged_at)}${alarm.note && ` “${alarm.note}”`}`;
  return [
    ["Onset", dateTime(alarm.onset_time)],
    ["Decided after", `${(alarm.detected_time - alarm.onset_time).toFixed(1)} s`],
    ["Lasted", seconds === null ? alarm.state : span(seconds)],
    ["Value", judged(alarm)],
    ["Rule", alarm.evidence?.rule],
    ["Acknowledged", seen],
    ["Lead", alarm.lead],
    ["Model", alarm.evidence?.model],
  ].filter(([, value]) => value);
}
