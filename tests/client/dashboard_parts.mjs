// The central station's pure parts beside the ward: sounds, routes, grid, times, trends; prints JSON.

import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/${name}`));
const { burst, PAUSES, HARMONICS } = await load("alarm/pattern.js");
const { label, loudest, loudness } = await load("alarm/priority.js");
const { Banner, seenOf } = await load("frame/banner.js");
const { address, parse } = await load("routes.js");
const { byBed, columns } = await load("pages/grid.js");
const { admission } = await load("pages/bed_forms.js");
const { points, range } = await load("pages/trend.js");
const { assemble } = await load("ecg/samples.js");
const { span, age } = await load("shared/time.js");
const { pausedFor, state } = await load("ward/state.js");

const payload = (values) => Buffer.from(new Int16Array(values).buffer).toString("base64");
const block = (first, values) => ({ first, rate: 250, leads: ["II", "V1"], uv_per_lsb: [5, 2], payload: payload(values) });
const strip = assemble({ first: 10, end: 16, blocks: [block(14, [5, 6, 7, 8]), block(9, [1, 2, 3, 4])] });
const alarm = (more) => ({ state: "active", priority: 2, silenced: false, suppressed_by: "", onset_time: 0, ...more });
const latched = alarm({ state: "latched", priority: 3 });

/** What the banner reads out, and how loud it is, while one alarm goes through its states. */
function heard(states) {
  let now = {};
  const element = () => ({ append() {}, setAttribute() {}, addEventListener() {}, replaceChildren() {} });
  globalThis.document = { createElement: element };
  const announcer = { textContent: "" };
  const banner = new Banner(element(), announcer, { ward: { alarms: () => [now], patient: () => ({ place: "ICU 3" }) } });
  return states.map((more, update) => {
    announcer.textContent = "";
    now = alarm({ id: "a", kind: "VTACH", priority: 3, text: "VT", patient: "p", acknowledged_by: "", update_no: update + 1, ...more });
    return [banner.show(), announcer.textContent, label(now)];
  });
}
const beds = [["B", "1"], ["A", "10"], ["A", "9"]].map(([unit, bed]) => ({ unit, bed, id: "x" }));

console.log(JSON.stringify({
  bursts: [1, 2, 3].map(burst), pauses: PAUSES, harmonics: HARMONICS,
  loudest: [loudest([alarm(), latched]), loudest([alarm({ silenced: true })]), loudest([alarm({ state: "acknowledged" })]), loudest([])],
  banner: [alarm(), latched, alarm({ priority: 3, silenced: true })].sort(loudness).map((one) => one.state),
  realarm: heard([{}, { state: "acknowledged", silenced: true }, { flags: ["realarm"] }]),
  seen: seenOf([alarm({ id: "a", update_no: 3, kind: "VTACH" }), alarm({ id: "b", kind: "VFIB", state: "acknowledged" }),
    alarm({ id: "c", kind: "ALARMS_PAUSED" }), alarm({ id: "d", kind: "DELIVERY_FAIL" }), { ...latched, id: "e", update_no: 7, kind: "ASYSTOLE" }]),
  route: parse(address("beds", "p 1/x", { speed: 50, gain: "" })), broken: parse("#/%E0%A4").page, root: parse("").page,
  beds: beds.sort(byBed).map(({ unit, bed }) => unit + bed),
  columns: [columns(1, 1920), columns(8, 1400), columns(32, 1920), columns(32, 390)],
  leads: strip.leads.map(({ name, values }) => [name, ...[...values].map((value) => (Number.isNaN(value) ? null : value))]),
  trend: points([{ minute: 10, seconds: 30, v_beats: 2 }, { minute: 11, seconds: 0, v_beats: 0 }, { minute: 13, seconds: 60, v_beats: 4 }], 10, 20)
    .map(({ x, pvc, join }) => [x, pvc, join]),
  range: range([61, null, 143], 20, [50, 110]),
  times: [span(-3), span(65), span(3725), age(8), age(300), age(90000)],
  pause: [pausedFor({ onset_time: 100, value: 120 }, 130), pausedFor({ onset_time: 100, value: 120 }, 300)],
  admission: [admission({}, { bed: "7", category: "adult", paced: "unknown" }),
    admission({ sex: "F", category: "neonatal", paced: "yes" }, { unit: "ICU", bed: "7", birth_year: 1950, category: "neonatal", paced: "no" })],
  live: [state({ seen: 9, sent: 9, vitals: {} }, 10), state({ seen: 5, sent: 5, vitals: {} }, 10)],
}));
