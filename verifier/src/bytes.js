// Bytes, their spellings, and the hashes that the formats use.

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 as sha256Of } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { malformed } from "./faults.js";

const ENCODER = new TextEncoder();

export const utf8 = (text) => ENCODER.encode(text);
export const sha256 = (...parts) => sha256Of(concat(...parts));
export const newSha256 = () => sha256Of.create();
export const keccak = (data) => keccak_256(data);
export const hmacSha256 = (key, ...parts) => hmac(sha256Of, key, concat(...parts));

export function concat(...parts) {
  if (parts.length === 1) return parts[0];
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function equal(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hex(bytes) {
  let out = "";
  for (const byte of bytes) out += HEX[byte];
  return out;
}

export function parseHex(text, where, size = 32) {
  if (typeof text !== "string" || text.length !== 2 * size || !/^[0-9a-f]*$/.test(text)) {
    throw malformed("bad-hex", `expected exactly ${2 * size} lower-case hex digits`, where);
  }
  const out = new Uint8Array(size);
  for (let at = 0; at < size; at++) out[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return out;
}

// Bytes of lower-case hex of any length.
export function anyHex(text, where) {
  return parseHex(text, where, typeof text === "string" ? Math.floor(text.length / 2) : 0);
}

export function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) {
    text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  }
  return btoa(text);
}

export function parseBase64(text, where, size = null) {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4) {
    throw malformed("bad-base64", "not base64", where);
  }
  const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (base64(data) !== text) throw malformed("bad-base64", "not canonical base64", where);
  if (size !== null && data.length !== size) {
    throw malformed("bad-base64", `${data.length} bytes, not ${size}`, where);
  }
  return data;
}

export const base64url = (bytes) =>
  base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

export function parseBase64url(text, where) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) {
    throw malformed("bad-base64", "not base64url", where);
  }
  const padded = text.replaceAll("-", "+").replaceAll("_", "/");
  const data = Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
  if (base64url(data) !== text) throw malformed("bad-base64", "not canonical base64url", where);
  return data;
}

const NAMED_ESCAPES = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

// How Python's ascii() spells a text; reasons quote names in that way.
export function quoted(text) {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = quote;
  for (const letter of text) {
    const code = letter.codePointAt(0);
    if (letter === "\\" || letter === quote) out += `\\${letter}`;
    else if (code >= 0x20 && code < 0x7f) out += letter;
    else out += NAMED_ESCAPES[letter] ?? escape(code);
  }
  return out + quote;
}

function escape(code) {
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\U${digits.padStart(8, "0")}`;
}

// By code points, as Python compares strings.
export function compareText(one, other) {
  const [a, b] = [utf8(one), utf8(other)];
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    if (a[at] !== b[at]) return a[at] - b[at];
  }
  return a.length - b.length;
}
