// A form from a description: labels, one request at a time, errors shown at the field at fault.

import { make, say } from "./dom.js";

/**
 * A form.
 *
 * `fields`: [{ name, label, type, value, options, …properties of the input }]; `submit(values)` is
 * awaited, what it returns is shown; a Problem it throws is shown at the field that it names.
 */
export function form({ fields, button, submit, class: kind = "form" }) {
  const inputs = new Map(fields.map((field) => [field.name, input(field)]));
  const status = make("p", { class: "status", role: "status" });
  const send = make("button", { type: "submit" }, button);
  const labels = fields.map(({ name, label }) => make("label", {}, make("span", {}, label), inputs.get(name)));
  return make("form", { class: kind, noValidate: false, onsubmit }, labels, make("div", { class: "send" }, send, status));

  async function onsubmit(event) {
    event.preventDefault();
    for (const one of inputs.values()) one.removeAttribute("aria-invalid");
    say(status, "…");
    status.classList.remove("bad");
    send.disabled = true;
    try {
      say(status, (await submit(values(fields, inputs))) ?? "");
    } catch (problem) {
      inputs.get(problem.field)?.setAttribute("aria-invalid", "true");
      inputs.get(problem.field)?.focus();
      status.classList.add("bad");
      say(status, problem.message);
    } finally {
      send.disabled = false;
    }
  }
}

function input({ label, options, ...properties }) {
  if (!options) return make("input", { autocomplete: "off", ...properties });
  const chosen = options.map(([value, words]) => make("option", { value, selected: value === properties.value }, words));
  return make("select", properties, chosen);
}

/** What was entered; numbers as numbers, what was left empty is absent. */
function values(fields, inputs) {
  const entered = fields.map(({ name, type }) => {
    const { value } = inputs.get(name);
    return [name, type === "number" && value !== "" ? Number(value) : value];
  });
  return Object.fromEntries(entered.filter(([, value]) => value !== ""));
}
