// Files from the server, kept by the browser. A plain link cannot carry the credential.

import { request } from "./api.js";
import { make } from "./dom.js";

/** A button that fetches a file and saves it as `name`; what goes wrong is given to `say`. */
export function download(words, path, name, say) {
  const button = make("button", { type: "button", onclick }, words);
  return button;

  async function onclick() {
    button.disabled = true;
    try {
      save(await (await request(path)).blob(), name);
    } catch (problem) {
      say(problem.message);
    } finally {
      button.disabled = false;
    }
  }
}

function save(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  URL.revokeObjectURL(address);
}
