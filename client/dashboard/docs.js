// The HTTP API, drawn from the server's own OpenAPI document; no network beyond the server.

const make = (tag, text = "", ...children) => {
  const element = document.createElement(tag);
  element.append(text, ...children);
  return element;
};

/** A JSON Schema in one line of words: "number, 0 to 180, default 120". */
export function words(schema = {}) {
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return [...new Set(options.map(words))].join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.type === "array") return `list of ${words(schema.items)}`;
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  return [
    schema.title ?? schema.type,
    low !== undefined || high !== undefined ? `${low ?? "…"} to ${high ?? "…"}` : "",
    schema.maxLength ? `at most ${schema.maxLength} characters` : "",
    schema.default !== undefined ? `default ${JSON.stringify(schema.default)}` : "",
  ].filter(Boolean).join(", ");
}

function table(rows) {
  const body = rows.map(([name, what, note]) => make("tr", "", make("th", name), make("td", what), make("td", note)));
  return make("table", "", ...body);
}

function fields(schema = {}) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {})
    .map(([name, part]) => [name, words(part), required.has(name) ? "required" : ""]);
}

function operation(path, method, described) {
  const part = make("details", "", make("summary", `${method.toUpperCase()} ${path}`, make("span", described.summary ?? "")));
  part.append(make("p", described.description ?? ""));
  const parameters = (described.parameters ?? []).filter((one) => one.in !== "header");
  if (parameters.length) part.append(make("h3", "Parameters"), table(parameters.map((one) => [one.name, words(one.schema), one.in])));
  const body = described.requestBody?.content?.["application/json"]?.schema;
  if (body) part.append(make("h3", "Body"), table(fields(body)));
  for (const [status, answer] of Object.entries(described.responses ?? {})) {
    const schema = Object.values(answer.content ?? {})[0]?.schema;
    part.append(make("h3", `${status} ${answer.description}`), table(fields(schema)));
  }
  return part;
}

const response = await fetch("/openapi.json");
const api = await response.json();
const groups = new Map();
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, described] of Object.entries(methods)) {
    const tag = described.tags?.[0] ?? "other";
    groups.set(tag, [...(groups.get(tag) ?? []), operation(path, method, described)]);
  }
}
const main = document.querySelector("#docs");
for (const [tag, parts] of groups) main.append(make("h2", tag), ...parts);
