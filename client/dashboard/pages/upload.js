// Upload: a record as a file, its progress, and what was found in it.

import { Problem, get, request } from "../shared/api.js";
import { make, say } from "../shared/dom.js";
import { form } from "../shared/form.js";
import { fill } from "../shared/message.js";
import { progress } from "../upload/words.js";
import { Found } from "./upload_found.js";

const POLL = 500; // ms between two looks at the progress
const TYPES = ".csv,.txt,.tsv,.edf,.bdf,.hea,.dat,.zip";
const UNITS = [["", "as the file says"], ["mV", "mV"], ["uV", "µV"], ["V", "V"], ["nV", "nV"]];

/** Open the page; with `route.id` it shows what was found in that upload. */
export function open(root, site, { id }) {
  let left = false;
  const asked = make("section", { class: "panel drop", "aria-labelledby": "drop-title" });
  const found = make("section", { class: "found" });
  root.append(make("h1", {}, "Upload a record"), asked, found);
  asked.append(make("h2", { id: "drop-title" }, "Drop a CSV, EDF or WFDB record here, or choose one"), ...sending());
  if (!id) return { close };
  const shown = new Found(found, id, site);
  fill(found, () => shown.load());
  return { close: () => shown.close() };

  function close() {
    left = true;
  }

  function sending() {
    const bar = make("progress", { hidden: true, "aria-label": "Progress", max: 1 });
    const cancel = make("button", { type: "button", hidden: true }, "Cancel");
    const state = make("p", { class: "status", role: "status" });
    const asking = form({
      fields: [
        { name: "file", label: "Record (a WFDB record has several files)", type: "file", multiple: true, accept: TYPES, required: true },
        { name: "rate", label: "Rate, Hz (CSV without times)", type: "number", min: 125, max: 1000, step: "any" },
        { name: "unit", label: "Unit (CSV)", value: "", options: UNITS },
        { name: "lead", label: "Lead, by name or number", maxLength: 64, placeholder: "0" },
      ],
      button: "Analyse",
      submit: (values) => analyse(values),
    });
    takeDrops(asked, asking);
    return [asking, make("div", { class: "going" }, bar, state, cancel)];

    async function analyse({ file, ...options }) {
      const { files } = asking.elements.file;
      try {
        show(null, `Sending ${[...files].map(({ name }) => name).join(", ")}`);
        const upload = await send(files, options);
        cancel.onclick = () => request(upload.url, { method: "DELETE" }).catch((problem) => site.say(problem.message));
        cancel.hidden = false;
        if (await finished(upload)) site.go("upload", upload.id);
      } finally {
        bar.hidden = cancel.hidden = true;
        say(state, "");
      }
      return "";
    }

    async function finished(upload) {
      for (let now = upload; !left; now = await get(upload.url)) {
        if (now.error) throw new Problem(now.error);
        if (now.state === "done") return true;
        const { share, words } = progress(now);
        show(share, words);
        await new Promise((next) => setTimeout(next, POLL));
      }
      return false;
    }

    function show(share, words) {
      bar.hidden = false;
      if (share === null) bar.removeAttribute("value");
      else bar.value = share;
      say(state, words);
    }
  }
}

/** POST the files; how long that takes is the file's and the network's affair. */
async function send(files, options) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ ...options, wait: 0 })) body.append(name, value);
  for (const file of files) body.append("file", file);
  const answer = await request("/v1/upload", { method: "POST", body, signal: new AbortController().signal });
  return answer.json();
}

function takeDrops(place, asking) {
  const over = (event) => {
    event.preventDefault();
    place.classList.toggle("over", event.type === "dragover");
  };
  place.addEventListener("dragover", over);
  place.addEventListener("dragleave", over);
  place.addEventListener("drop", (event) => {
    over(event);
    if (!event.dataTransfer.files.length) return;
    asking.elements.file.files = event.dataTransfer.files;
    asking.requestSubmit();
  });
}
