// Elements in one call: make("td", { class: "number" }, "72"). Text is always text, never markup.

/**
 * An element with its properties and children.
 *
 * `class`, `for`, `role`, `aria-*` and `data-*` are set as attributes, functions named `on…` become
 * listeners, everything else is set as a property (`value`, `hidden`, `href`, `type` …).
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

function set(element, name, value) {
  if (value === undefined || value === null) return;
  if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
  else if (/^(class|for|role|colspan|scope|aria-|data-)/.test(name)) element.setAttribute(name, value);
  else element[name] = value;
}

/** Change a text only when it is another one: a screen reader would read it again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
