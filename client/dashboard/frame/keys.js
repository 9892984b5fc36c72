// Keyboard shortcuts: one list, which is both what is done and what is shown. They can be turned off.

import { make } from "../shared/dom.js";

const KEYS = [
  ["a", "acknowledge the most urgent alarm", (site) => site.banner.acknowledge()],
  ["p", "pause the sound of its bed for two minutes", (site) => site.banner.pause()],
  ["s", "enable sound", (site) => site.sound.enable()],
  ["o", "overview", (site) => site.go("")],
  ["b", "open the bed of the most urgent alarm", (site) => site.banner.top && site.go("beds", site.banner.top.patient)],
  ["?", "this list", () => showKeys()],
];
const OFF = "beatwire-keys-off"; // for those whose speech input or tremor would press them

/** Listen; keys typed into a field, or with a modifier, are not meant. */
export function listen(site) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea, dialog");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (localStorage.getItem(OFF) && event.key !== "?") return;
    const found = KEYS.find(([key]) => key === event.key);
    if (!found) return;
    event.preventDefault();
    found[2](site);
  });
}

/** The list, as a dialog. */
export function showKeys() {
  if (document.querySelector("#keys")) return;
  const rows = KEYS.flatMap(([key, words]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, words)]);
  const switched = make("input", { type: "checkbox", checked: !localStorage.getItem(OFF), onchange });
  const dialog = make(
    "dialog",
    { id: "keys", class: "dialog", "aria-labelledby": "keys-title", onclose: () => dialog.remove() },
    make("h2", { id: "keys-title" }, "Keyboard shortcuts"),
    make("dl", { class: "keys" }, rows),
    make("label", { class: "switch" }, switched, "Shortcuts are on"),
    make("form", { method: "dialog" }, make("button", {}, "Close")),
  );
  document.body.append(dialog);
  dialog.showModal();

  function onchange() {
    if (switched.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  }
}
