// What a page shows instead of its content: that it waits, or what went wrong.

import { make } from "./dom.js";

/** Fill `root` with what `load()` gives; while it waits `root` is busy, a Problem is said in its place. */
export async function fill(root, load) {
  root.setAttribute("aria-busy", "true");
  try {
    root.replaceChildren(...[await load()].flat().filter(Boolean));
  } catch (problem) {
    root.replaceChildren(make("p", { class: "status bad", role: "alert" }, problem.message));
  } finally {
    root.removeAttribute("aria-busy");
  }
}
