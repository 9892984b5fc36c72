// Addresses of pages: "#/beds/demo-1?speed=50" and back. Pure; the hash needs no route of the server.

/** { page: "beds", id: "demo-1", options: { speed: "50" } }. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#?\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/").map(decoded);
  return { page, id: rest.join("/"), options: Object.fromEntries(new URLSearchParams(query)) };
}

/** The address of a page; options that are empty are left out. */
export function address(page, id = "", options = {}) {
  const known = Object.entries(options).filter(([, value]) => value !== "" && value !== undefined && value !== null);
  const query = new URLSearchParams(known).toString();
  return `#/${[page, id].filter(Boolean).map(encodeURIComponent).join("/")}${query ? `?${query}` : ""}`;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody's typing: no such page, and that is what will be said
  }
}
