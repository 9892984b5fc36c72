// One bed: several leads with beat labels, numbers, alarms, trends, limits, admission.

import { inks } from "../ecg/strip.js";
import { Sweep } from "../ecg/sweep.js";
import { make } from "../shared/dom.js";

/** Open the page of patient `route.id`. */
export function open(root, site, route) {
  const patient = site.ward.patient(route.id);
  const canvas = make("canvas", { class: "leads", role: "img", "aria-label": `ECG of ${route.id}` });
  root.append(make("h1", {}, route.id), canvas);
  const sweep = new Sweep(canvas, { leads: 12, beats: true }, inks(root));
  return {
    frame(seconds) {
      patient.signal.advance(seconds);
      sweep.draw(patient.signal, patient.beats);
    },
  };
}
