// Strict JSON and its canonical spelling (RFC 8785), restricted as docs/formats.md, section 1, says:
// no null, no fraction, no duplicate member, integers within ±(2^53-1), bounded size and depth.

import { equal, utf8 } from "./bytes.js";
import { malformed } from "./faults.js";

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const SPACE = /[ \t\n\r]*/y;
const SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const INTEGER = /^-?(?:0|[1-9][0-9]{0,15})$/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
// `maxValues` bounds commas and brackets outside strings, which are no fewer than the values less
// one: each value takes far more memory than the three bytes that it may be spelled with.
const DEFAULTS = { maxBytes: 1 << 20, maxDepth: 32 };

export function decodeUtf8(data) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw malformed("bad-encoding", "not UTF-8");
  }
}

export function parse(data, limits = DEFAULTS) {
  if (data.length > limits.maxBytes) {
    throw malformed("too-large", `${data.length} bytes; at most ${limits.maxBytes} are read`);
  }
  const text = decodeUtf8(data);
  if (text.startsWith("\ufeff")) throw malformed("bad-encoding", "starts with a byte order mark");
  checkShape(text, limits);
  return new Reader(text).whole();
}

export function parseCanonical(data, limits = DEFAULTS) {
  const value = parse(data, limits);
  if (!equal(canonicalize(value), data)) {
    throw malformed(
      "not-canonical",
      "the bytes are not the canonical JSON (RFC 8785) of their value",
    );
  }
  return value;
}

export function canonicalize(value) {
  return utf8(spell(value));
}

// JSON.stringify escapes exactly what RFC 8785 says, for strings without lone surrogates.
export function spell(value) {
  if (Array.isArray(value)) return `[${value.map(spell).join(",")}]`;
  if (value instanceof Map) {
    const names = [...value.keys()].sort();
    return `{${names.map((name) => `${JSON.stringify(name)}:${spell(value.get(name))}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

export function checkText(text, where = "") {
  if (text.includes("\u0000")) throw malformed("bad-encoding", "U+0000 in a string", where);
  if (SURROGATE.test(text)) {
    throw malformed("bad-encoding", "a lone surrogate in a string", where);
  }
}

export function checkShape(text, { maxDepth, maxValues = Infinity }) {
  let [depth, deepest, values] = [0, 0, 0];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    if (letter === '"') at = stringEnd(text, at);
    else if (letter === "[" || letter === "{") {
      values++;
      if (++depth > deepest) deepest = depth;
    } else if (letter === "]" || letter === "}") depth--;
    else if (letter === ",") values++;
  }
  if (values > maxValues) throw malformed("too-large", `more than ${maxValues} values`);
  if (deepest > maxDepth) throw malformed("too-deep", `nested deeper than ${maxDepth} levels`);
}

// Where the string that begins at `at` ends, or the text.
function stringEnd(text, at) {
  for (at++; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return at;
}

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    // What the restriction refuses is said only of text that is JSON: the first one found.
    this.fault = null;
  }

  whole() {
    const value = this.value();
    this.match(SPACE);
    if (this.at !== this.text.length) throw this.syntax();
    if (this.fault !== null) throw this.fault;
    return value;
  }

  value() {
    this.match(SPACE);
    const first = this.text[this.at];
    if (first === "{") return this.object();
    if (first === "[") return this.array();
    if (first === '"') return this.string();
    for (const [word, value] of [["true", true], ["false", false], ["null", null]]) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        if (value === null) this.note(malformed("null", "null; leave the member out"));
        return value;
      }
    }
    return this.number();
  }

  object() {
    const members = new Map();
    this.at++;
    this.match(SPACE);
    if (this.take("}")) return members;
    do {
      this.match(SPACE);
      if (this.text[this.at] !== '"') throw this.syntax();
      const name = this.string();
      this.match(SPACE);
      if (!this.take(":")) throw this.syntax();
      const value = this.value();
      if (members.has(name)) {
        throw malformed("duplicate-member", `member ${name} occurs twice in one object`);
      }
      if (!/^[\x20-\x7e]*$/.test(name)) {
        this.note(malformed("bad-member-name", `member name ${name} is not printable ASCII`));
      }
      members.set(name, value);
      this.match(SPACE);
    } while (this.take(","));
    if (!this.take("}")) throw this.syntax();
    return members;
  }

  array() {
    const items = [];
    this.at++;
    this.match(SPACE);
    if (this.take("]")) return items;
    do {
      items.push(this.value());
      this.match(SPACE);
    } while (this.take(","));
    if (!this.take("]")) throw this.syntax();
    return items;
  }

  // A loop, and no pattern: the stack of patterns does not hold strings of some millions.
  string() {
    const start = this.at;
    let at = start + 1;
    for (let code; (code = this.text.charCodeAt(at)) !== QUOTE; ) {
      if (code === BACKSLASH) at += this.escape(at);
      else if (code >= 0x20) at++;
      // A control character, or the text's end, whose code is no number.
      else throw this.syntax();
    }
    this.at = at + 1;
    const text = JSON.parse(this.text.slice(start, this.at));
    try {
      checkText(text);
    } catch (error) {
      this.note(error);
    }
    return text;
  }

  // Characters of the escape that begins at `at`.
  escape(at) {
    ESCAPE.lastIndex = at;
    const found = ESCAPE.exec(this.text);
    if (!found) throw this.syntax();
    return found[0].length;
  }

  number() {
    const digits = this.match(NUMBER);
    if (!digits) throw this.syntax();
    if (!INTEGER.test(digits) || digits === "-0" || !Number.isSafeInteger(Number(digits))) {
      throw malformed("bad-number", `${digits.slice(0, 24)} is not a canonical integer`);
    }
    return Number(digits);
  }

  match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  take(letter) {
    const found = this.text[this.at] === letter;
    if (found) this.at++;
    return found;
  }

  note(fault) {
    this.fault ??= fault;
  }

  syntax() {
    return malformed("not-json", `not JSON at character ${this.at}`);
  }
}
