// A client in another language: decodes the golden MessagePack frames with nothing but the format's
// rules, names the fields by the schema, and compares with the golden JSON.
// Usage: node golden.mjs golden.json schemas.json

import { readFileSync } from "node:fs";

const [golden, schemas] = process.argv.slice(2).map((name) => JSON.parse(readFileSync(name, "utf8")));

function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (count) => bytes.subarray(at, (at += count));
  const number = (method, size) => { const value = view[method](at); at += size; return Number(value); };
  const text = (count) => new TextDecoder("utf-8", { fatal: true }).decode(take(count));
  const list = (count) => Array.from({ length: count }, item);
  function item() {
    const tag = number("getUint8", 1);
    if (tag < 0x80) return tag;
    if (tag >= 0xe0) return tag - 256;
    if (tag >= 0x90 && tag < 0xa0) return list(tag & 15);
    if (tag >= 0xa0 && tag < 0xc0) return text(tag & 31);
    switch (tag) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return Buffer.from(take(number("getUint8", 1))).toString("base64");
      case 0xc5: return Buffer.from(take(number("getUint16", 2))).toString("base64");
      case 0xcb: return number("getFloat64", 8);
      case 0xcc: return number("getUint8", 1);
      case 0xcd: return number("getUint16", 2);
      case 0xce: return number("getUint32", 4);
      case 0xcf: return number("getBigUint64", 8);
      case 0xd9: return text(number("getUint8", 1));
      case 0xdc: return list(number("getUint16", 2));
    }
    throw new Error(`tag ${tag.toString(16)} is not expected`);
  }
  const value = item();
  if (at !== bytes.length) throw new Error("something follows the message");
  return value;
}

/** Give the values of arrays the names of the schema's properties. */
function named(value, schema) {
  if (schema.$ref) return named(value, schemas[schema.$ref.split("/").at(-1)]);
  if (value === null) return null;
  const options = schema.anyOf?.filter((option) => option.type !== "null");
  if (options?.length === 1) return named(value, options[0]);
  if (options) return named(value, options.find((option) => tag(option) === value[0]) ?? {});
  if (schema.type === "array") return value.map((item) => named(item, schema.items ?? {}));
  if (!schema.properties) return value;
  return Object.fromEntries(Object.entries(schema.properties).map(([name, part], i) => [name, named(value[i], part)]));
}

const tag = (option) => schemas[option.$ref.split("/").at(-1)].properties.type.enum[0];
const sorted = (value) => JSON.stringify(value, (_, part) =>
  part && typeof part === "object" && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort()) : part);

let failed = 0;
for (const [name, { messagepack, json }] of Object.entries(golden)) {
  const schema = Object.values(schemas).find((one) => one.properties?.type?.enum?.[0] === name);
  if (!schema) continue;
  const got = sorted(named(decode(Buffer.from(messagepack, "hex")), schema));
  if (got !== sorted(json)) { failed += 1; console.error(`${name}:\n  ${got}\n  ${sorted(json)}`); }
  else console.log(`${name} ok`);
}
process.exit(failed ? 1 : 0);
