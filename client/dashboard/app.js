// The central station: joins the subscription, what is known, the frame around every page, the sound.

import { Sound } from "./alarm/sound.js";
import { Banner } from "./frame/banner.js";
import { listen } from "./frame/keys.js";
import { Router } from "./frame/router.js";
import { identified, signIn } from "./frame/signin.js";
import { Tools } from "./frame/tools.js";
import { address } from "./routes.js";
import { get } from "./shared/api.js";
import { Commands } from "./ward/commands.js";
import { follow } from "./ward/link.js";
import { Ward } from "./ward/ward.js";

const GONE = 60; // seconds without data after which a patient without bed and alarms leaves the page
const ROSTER = 60; // seconds between two looks at who is in which bed, beside those for a reason
const NEWCOMER = 5; // seconds between two looks while somebody monitored is not listed yet
const PLACED = new Set(["admit", "discharge", "setlimits"]); // commands that change the roster

const part = (id) => document.querySelector(`#${id}`);
const clock = () => performance.now() / 1000;
const ward = new Ward();
const commands = new Commands();
const sound = new Sound((state) => tools.showSound(state));
const tools = new Tools(part("tools"), sound);
const path = (...words) => ["/v1", ...words.map(encodeURIComponent)].join("/");

/** What pages and the frame may use. */
const site = {
  ward,
  clock,
  sound,
  now: () => clock() + ward.offset, // the server's clock
  go: (page, id, options) => (location.hash = address(page, id, options)),
  say: (words) => tools.showNote(words),
  command: (target, what, body) => carryOut(path("patients", target, what), body),
  acknowledge: (alarm) => attempt(carryOut(path("alarms", alarm.id, "acknowledge"), { update_no: alarm.update_no })),
  acknowledgeAll: (patient, seen) => attempt(carryOut(path("patients", patient, "acknowledge"), { seen })),
  pause: (patient, seconds) => attempt(carryOut(path("patients", patient, "pause"), { seconds })),
};
site.banner = new Banner(part("banner"), part("announcer"), site);
const router = new Router(part("page"), part("nav"), tools.slot, site);

/** A command in somebody's name; throws a Problem. */
async function carryOut(target, body) {
  if (!(await identified())) return null;
  return commands.carryOut(target, body);
}

/** Where there is no form to show it in, an error is said in the frame. */
async function attempt(command) {
  await command.catch((problem) => site.say(problem.message));
}

let asked = -Infinity;
async function refresh() {
  asked = clock();
  try {
    ward.list((await get("/v1/patients")).patients);
    for (const { kind, patient } of ward.alarms()) if (kind === "ALARMS_PAUSED") await whoPaused(ward.patient(patient));
  } catch (problem) {
    site.say(problem.message);
  }
}

/** A page that comes later learns from the audit trail who paused a bed's sound. */
async function whoPaused(patient) {
  if (patient.pausedBy) return;
  const { audit } = await get("/v1/audit", { patient: patient.id, limit: 20 });
  patient.pausedBy = audit.find(({ what }) => what === "pauseaudio")?.who ?? "";
}

function take(message) {
  const event = ward.apply(message, clock());
  if (message.type === "snapshot") refresh();
  if (event) {
    commands.heard(event);
    router.call("heard", event);
    if (event.type === "commanddone" && PLACED.has(event.action)) refresh();
  }
  if (message.type === "snapshot" || event?.type === "alarm") tick();
}

function tick() {
  ward.forget(clock() - GONE);
  const unlisted = [...ward.patients.values()].some(({ vitals, roster }) => vitals && !roster?.low);
  if (clock() - asked > (unlisted ? NEWCOMER : ROSTER)) refresh();
  sound.play(site.banner.show());
  tools.tick();
  router.call("tick");
}

let drawn = clock();
function frame() {
  const now = clock();
  router.call("frame", Math.min(now - drawn, 0.5));
  drawn = now;
  requestAnimationFrame(frame);
}

listen(site);
router.show();
follow({
  after: () => ward.cursor,
  onMessage: take,
  onState: (up, words) => tools.showLink(up, words),
  onUnauthorized: () => signIn({ withToken: true }),
});
setInterval(tick, 250);
frame();
