// The page's pure parts, fed with the golden messages and with a made signal; prints JSON.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/${name}`));
const { Ward } = await load("ward/ward.js");
const { label, shown } = await load("alarm/priority.js");
const { number } = await load("shared/numbers.js");
const { Signal } = await load("ecg/signal.js");
const golden = JSON.parse(readFileSync(file, "utf8"));
const event = (body, cursor = "c9") => ({ type: "event", v: 1, cursor, event: body });
const alarm = (more) => ({ ...golden.alarm.json, suppressed_by: "", ...more });
const labels = (ward) => shown(ward.patient("p-1").alarms.values()).map(label);

const ward = new Ward();
ward.apply({ ...golden.snapshot.json, alarms: [alarm({ update_no: 3 })] }, 0);
const started = ward.cursor;
ward.apply(event(alarm({ update_no: 2, state: "ended" }), "c1"), 1);
const stale = labels(ward);
ward.apply(event(alarm({ update_no: 4, state: "latched" }), "c2"), 1);
ward.apply(event(alarm({ id: "low", kind: "AFIB", text: "AF", priority: 1 }), "c3"), 1);
ward.apply(event(alarm({ id: "inop", kind: "LEADS_OFF", text: "Leads off", priority: 2 }), "c4"), 1);
ward.apply(event(alarm({ id: "sub", suppressed_by: "low" }), ""), 1);
const several = labels(ward);
ward.apply(event(golden.vitals.json, "c5"), 2);
const cursor = ward.cursor;
ward.apply({ ...golden.snapshot.json, alarms: [] }, 3);
const cleared = labels(ward).length;

const signal = new Signal();
const block = (first, values) => {
  const bytes = Buffer.from(new Int16Array(values).buffer).toString("base64");
  return { session: "s", rate: 250, first, leads: ["II"], uv_per_lsb: [5], payload: bytes };
};
signal.push(block(0, Array(50).fill(100)));
signal.push(block(100, Array(50).fill(100)));
const holes = [...Array(150).keys()].filter((i) => Number.isNaN(signal.at(i)));
signal.advance(10);
const ahead = signal.play <= signal.end;
signal.push(block(0, Array(50).fill(0)));

console.log(JSON.stringify({
  started, stale, several, cursor, cleared, numbers: [number(null), number(71.6)], holes: [holes[0], holes.length],
  ahead, end: signal.end,
}));
