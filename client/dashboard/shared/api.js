// Questions and commands over HTTP. Every error is a Problem: RFC 9457 details, for people to read.

import { name, token } from "./person.js";

const TIMEOUT = 10_000; // ms: a page that waits longer has no server

/** What went wrong, in the server's words: `status`, `code`, `detail`, `field`, `limit`, `where` (of a file). */
export class Problem extends Error {
  constructor({ status = 0, code = "", title = "", detail = "", field = "", limit = "", where = "" }) {
    const at = where && `${where}:`;
    super([at, detail || title, field && `(${field}${limit ? `: ${limit}` : ""})`].filter(Boolean).join(" "));
    Object.assign(this, { status, code, title, detail, field, limit, where });
  }
}

/** Ask, and give the response of a success. */
export async function request(path, options = {}) {
  const headers = new Headers(options.headers);
  if (token()) headers.set("authorization", `Bearer ${token()}`);
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT), ...options, headers });
  } catch (error) {
    throw new Problem({ code: "unreachable", title: "The server does not answer", detail: String(error.message) });
  }
  if (response.ok) return response;
  throw new Problem(await details(response));
}

async function details(response) {
  const plain = { status: response.status, title: `The server answered ${response.status}` };
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json");
  return isProblem ? { ...plain, ...(await response.json()) } : plain;
}

/** GET as JSON; `query` values that are lists are repeated, empty ones left out. */
export async function get(path, query = {}) {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    for (const one of [value].flat()) if (one !== "" && one !== null && one !== undefined) words.append(key, one);
  }
  const response = await request(words.size ? `${path}?${words}` : path);
  return response.json();
}

/** POST a JSON body, as JSON. */
export async function post(path, body) {
  const headers = { "content-type": "application/json" };
  const response = await request(path, { method: "POST", headers, body: JSON.stringify(body) });
  return response.json();
}

/** A command in the name of whoever sits here; gives its id. */
export async function command(path, body = {}) {
  const { id } = await post(path, { by: name(), ...body });
  return id;
}
