// The sheet that is printed of an alarm: black on white, in real millimetres, with all that belongs to it.

import { judged, label } from "../alarm/priority.js";
import { drawRows } from "../ecg/rows.js";
import { make } from "../shared/dom.js";
import { dateTime } from "../shared/time.js";

const ROW = 10; // seconds: 250 mm and the margin fit on A4 and Letter, landscape
const DOTS = 4; // of a printed pixel: 96 × 4 per inch

const over = ({ ended_time: at }) => (typeof at === "number" ? ` · over ${dateTime(at)}` : "");

/** Fill the sheet; it is shown by nothing but a printer. */
export function sheet(root, alarm, signal, beats, time) {
  const rows = make("div", { class: "rows" });
  const place = [alarm.unit, alarm.bed].filter(Boolean).join(" ") || "no bed";
  root.replaceChildren(
    make("h2", {}, `${label({ ...alarm, state: "active" })} ${judged(alarm)}`),
    make("p", {}, `Patient ${alarm.patient} · ${place} · onset ${dateTime(alarm.onset_time)} · alarm ${dateTime(alarm.detected_time)}${over(alarm)}`),
    rows,
    make("p", {}, make("strong", {}, "Not a medical device."), ` 25 mm/s, 10 mm/mV · ${signal.rate} Hz · beats by Beatwire: N S V F Q · printed ${dateTime(Date.now() / 1000)}`),
  );
  drawRows(rows, signal, { seconds: ROW, time, beats, marks: [{ sample: alarm.onset_sample, text: "onset" }], ratio: DOTS });
}
