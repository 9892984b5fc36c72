// The pure parts of review, disclosure, upload and burden, fed with made answers; prints JSON.

import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/${name}`));
const { filters, matches, neighbours, query } = await load("review/filters.js");
const { Newer } = await load("review/newer.js");
const { aboutBeat, latest, sentence } = await load("review/verdicts.js");
const { beatsOf, lasted, timeOf } = await load("review/strip.js");
const { around, columns, minute, onTime, placed, stored } = await load("disclosure/stretch.js");
const { cut, room, rowSeconds } = await load("ecg/rows.js");
const { asSignal, counts, guess, joined, otherPage, progress } = await load("upload/words.js");
const { contributions, fields, verdict } = await load("upload/classifier.js");
const { byBed, byDay, dayName, daysUntil, total } = await load("burden/summary.js");
const base64 = (values) => Buffer.from(new Int16Array(values).buffer).toString("base64");

const review = () => {
  const wanted = filters({ patient: "p-1", priority: "2", since: "2026-11-22T10:00", page: "x", kind: "" });
  const alarm = { onset_time: 1000, onset_sample: 500, ended_sample: 1000, session: "s", strip: { first: 0, end: 600 } };
  const beat = { patient: "p", session: "s", sample: 7, time: 2, class: "N" };
  const said = [{ alarm: "a", verdict: "wrong" }, { alarm: "a", verdict: "right" }];
  return {
    wanted,
    since: query(wanted, 5).since === new Date("2026-11-22T10:00").getTime() / 1000,
    priority: query(wanted, 5).min_priority,
    strange: query({ since: "soon" }, 5).since,
    neighbours: neighbours([{ id: "3" }, { id: "2" }, { id: "1" }], "2"),
    time: timeOf(alarm, 250)(0),
    lasted: [lasted(alarm, 250), lasted({ ...alarm, ended_time: 1003.5 }), lasted({ ...alarm, ended_time: null, ended_sample: null }, 250)],
    beats: beatsOf(alarm, [{ session: "s", sample: 599 }, { session: "s", sample: 600 }, { session: "t", sample: 1 }]).length,
    last: latest(said).get("a").verdict,
    beat: [aboutBeat(beat, { label: "N" }).verdict, aboutBeat(beat, { label: "V" }).verdict],
    sentence: sentence({ about: "alarm", verdict: "wrong", note: "artefact", by: "dr-2", at: 5 }, (at) => `t${at}`),
  };
};

const newer = () => {
  const one = { id: "a", patient: "p", unit: "ICU", kind: "VTACH", priority: 3, state: "active", onset_time: 1000 };
  const since = new Date(1000_000).toISOString();
  const wishes = [{}, { patient: "p" }, { patient: "q" }, { unit: "IC" }, { kind: "VTACH", priority: "3" }, { state: "ended" }, { since }, { until: since }, { since: "soon" }, { priority: "High" }];
  const found = new Newer({ state: "active" }, 3);
  const counts = [];
  const tell = (...alarms) => alarms.forEach((alarm) => (found.heard({ ...one, ...alarm }), counts.push(found.count)));
  tell({ id: "b" }, { id: "c" });
  found.listed([one, { ...one, id: "b" }]);
  counts.push(found.count);
  tell({ id: "c" }, { id: "d" }, { id: "a" }, { id: "d", state: "ended" }, { id: "e", kind: "NOT_MONITORED" });
  const full = new Newer({}, 2);
  full.listed([{ ...one, onset_time: 5 }, { ...one, id: "b", onset_time: 4 }]);
  full.heard({ ...one, id: "old", onset_time: 3 });
  full.heard({ ...one, id: "new", onset_time: 4 });
  return { matched: wishes.map((wanted) => matches(wanted, one)), counts, full: full.count };
};

const disclosure = () => {
  const piece = (time, values, more = {}) => ({ session: "s", first: 9e6, rate: 10, time, leads: ["II"], uv_per_lsb: [5], samples: base64(values), ...more });
  const pieces = [piece(99, Array(20).fill(1)), piece(104, [2, 3, 4]), piece(105, [9], { rate: 20, session: "t" })];
  const signal = onTime({ pieces }, 100, 10);
  const outline = (time, low, high) => ({ time, step: 12, rate: 10, uv_per_lsb: 1, count: low.length, low: base64(low), high: base64(high) });
  const found = columns({ pieces: [outline(100, [-1, -2], [1, 2]), outline(106, [-9], [9])] }, 100, 10, 1);
  const alarms = [{ onset_time: 120.4 }, { onset_time: 50 }, { onset_time: 100 }];
  return {
    values: [...signal.leads[0].values].map((value) => (Number.isNaN(value) ? null : value)),
    stored: stored(signal),
    others: signal.others,
    nothing: stored(onTime({ pieces: [] }, 100, 10)),
    low: [...found.low].map((value) => (Number.isNaN(value) ? null : value)),
    share: minute(found, 1, 5).share,
    placed: placed([{ at: 101 }], 100, 250, ({ at }) => at)[0].sample,
    around: [around(alarms, 100), around(alarms, 120)],
  };
};

const paper = () => {
  const values = Float32Array.from({ length: 25 }, (_, i) => (i === 3 ? NaN : i % 2 ? 1900 : 0));
  const signal = { rate: 10, first: 50, end: 75, leads: [{ name: "II", values }] };
  return {
    widths: [2000, 1000, 700, 320].map((width) => rowSeconds(width)),
    cut: cut(signal, 1).map(({ first, end, leads }) => [first, end, leads[0].values.length]),
    room: [room(signal), room({ leads: [{ values: new Float32Array(9) }] })],
  };
};

const upload = () => {
  const trend = [{ minute: 0, beats: 900 }, { minute: 2, beats: 60 }];
  const page = (from, to, next) => ({ beats: [{ sample: from }, { sample: to }], next });
  const parts = [{ first: 0, end: 2, rate: 2, uv_per_lsb: 5, low: [1, null] }, { first: 2, end: 3, rate: 2, uv_per_lsb: 5, low: [3] }];
  return {
    states: [progress({ state: "running", progress: 0.416 }), progress({ state: "queued", ahead: 2 })],
    counts: counts({ N: 3, V: 1 }).map(({ class: kind, share }) => [kind, share]),
    guess: [guess(trend, 0), guess(trend, 120)],
    pages: [otherPage(page(10, 90, 5), 700, 20, 80), otherPage(page(30, 90, 5), 700, 20, 80), otherPage(page(10, 60, 5), 700, 20, 80), otherPage(page(10, 60, null), 700, 20, 80)],
    signal: [...asSignal(joined(parts), "II").leads[0].values].map((value) => (Number.isNaN(value) ? null : value)),
  };
};

const classifier = () => {
  const inputs = [{ name: "Age", unit: "years", low: 0, high: 120, description: "Age" }, { name: "Gender", low: 0, high: 1, description: "Sex" }, { name: "R", unit: "/min", required: false, low: 10, high: 350, description: "Rate" }];
  const answer = { threshold: 0.5, predictions: [{ probability: 0.818, label: "abnormal", missing: ["R"], contributions: { base: 0.8, inputs: { Age: -0.01, Gender: 0.04 } } }] };
  const names = new Map(inputs.map(({ name, description }) => [name, description]));
  return {
    fields: fields(inputs).map(({ label, required, options }) => [label, Boolean(required), options?.length ?? 0]),
    verdict: verdict(answer, names),
    contributions: contributions(answer, names).map(({ name }) => name),
  };
};

const burden = () => {
  const row = (day, bed, kind, priority, count, wrong = 0) => ({ day, unit: "ICU", bed, patient: `p-${bed}`, kind, priority, count, judged: wrong, false: wrong });
  const rows = [row(20779, "1", "VTACH", 3, 2, 1), row(20780, "1", "VTACH", 3, 1), row(20780, "1", "AFIB", 1, 4), row(20780, "2", "AFIB", 1, 9)];
  const [first, second] = byBed(rows);
  return {
    name: dayName(20779),
    days: [daysUntil(Date.UTC(2026, 10, 22, 23, 30), 2, 0), daysUntil(Date.UTC(2026, 10, 22, 23, 30), 2, 60)].map((days) => days.map(dayName)),
    total: total(rows),
    perDay: byDay(rows, [20778, 20779, 20780]).map(({ count, levels }) => [count, levels.map(({ count: of }) => of)]),
    beds: [first.place, second.place, second.kinds.map(({ kind, count, days }) => [kind, count, [...days]])],
  };
};

console.log(JSON.stringify({ review: review(), newer: newer(), disclosure: disclosure(), paper: paper(), upload: upload(), classifier: classifier(), burden: burden() }));
