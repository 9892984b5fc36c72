// A table from rows of plain objects.

import { make } from "./dom.js";

/**
 * A table with a caption for screen readers.
 *
 * `columns`: [{ title, cell, class }], where `cell(row)` gives a text or an element. `whole` is
 * shown when there are no rows.
 */
export function table(caption, columns, rows, whole = "Nothing to show.") {
  const head = make("tr", {}, columns.map(({ title, class: kind }) => make("th", { scope: "col", class: kind }, title)));
  const body = rows.map((row) => make("tr", {}, columns.map(({ cell, class: kind }) => make("td", { class: kind }, cell(row)))));
  const empty = make("tr", {}, make("td", { colspan: columns.length, class: "empty" }, whole));
  return make(
    "table",
    { class: "table" },
    make("caption", {}, caption),
    make("thead", {}, head),
    make("tbody", {}, rows.length ? body : empty),
  );
}
