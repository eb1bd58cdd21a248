// Signed notes (C2SP signed-note, Ed25519) and the texts that a log signs.

import { base64, concat, equal, hex, parseBase64, parseHex, sha256, utf8 } from "./bytes.js";
import { malformed, unproven } from "./faults.js";
import { checkSubject } from "./statement.js";
import { MAX_SIZE } from "./tree.js";

const MAX_NOTE = 128 * 1024;
const MAX_SIGNATURES = 16;
const MAX_ORIGIN = 255;
const ED25519 = Uint8Array.of(1);
// A key's name has no plus and nothing that is Unicode White_Space. Spelled out, because what \s
// means differs from one language to the next.
const NAME = "[^\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000+]+";
const SIGNATURE_LINE = new RegExp(`^\u2014 (${NAME}) ([A-Za-z0-9+/]+={0,2})$`);
const VKEY = new RegExp(`^(${NAME})\\+([0-9a-f]{8})\\+([A-Za-z0-9+/]+={0,2})$`);
export const KEY = new RegExp(`^(${NAME})\\+([0-9a-f]{8})$`);
const ORIGIN = /^[\x21-\x2a\x2c-\x7e]+$/;

export function checkOrigin(origin, where = "origin") {
  if (!origin || origin.length > MAX_ORIGIN || !ORIGIN.test(origin) || origin.includes("://")) {
    throw malformed(
      "bad-value",
      `an origin is a URL without scheme, spaces or plus, at most ${MAX_ORIGIN} characters`,
      where,
    );
  }
  return origin;
}

// A key that may sign for an origin; what it verified once it remembers.
export class Verifier {
  constructor(name, publicKey) {
    this.name = name;
    this.publicKey = publicKey;
    this.keyId = sha256(utf8(name), Uint8Array.of(10), ED25519, publicKey).slice(0, 4);
    this.known = new Map();
  }

  vkey() {
    return `${this.name}+${hex(this.keyId)}+${base64(concat(ED25519, this.publicKey))}`;
  }

  static fromVkey(vkey, where = "vkey") {
    const match = vkey.length <= MAX_ORIGIN + 64 ? VKEY.exec(vkey) : null;
    if (!match) throw malformed("bad-note", "not a verifier key (name+keyid+base64)", where);
    const data = parseBase64(match[3], where, 33);
    if (data[0] !== 1) throw malformed("bad-note", "not an Ed25519 verifier key", where);
    const verifier = new Verifier(checkOrigin(match[1], where), data.slice(1));
    if (hex(verifier.keyId) !== match[2]) {
      throw malformed("bad-note", "the key id does not belong to name and key", where);
    }
    return verifier;
  }

  async verify(text, signature) {
    const key = `${hex(sha256(text))} ${hex(signature)}`;
    if (!this.known.has(key)) this.known.set(key, await this.verifyAnew(text, signature));
    return this.known.get(key);
  }

  async verifyAnew(text, signature) {
    try {
      this.imported ??= await crypto.subtle.importKey("raw", this.publicKey, "Ed25519", false, [
        "verify",
      ]);
      return await crypto.subtle.verify("Ed25519", this.imported, signature, text);
    } catch (error) {
      if (error.name === "NotSupportedError") {
        throw new Error("this browser cannot check Ed25519 signatures: use a newer one");
      }
      return false;
    }
  }
}

export function splitNote(note, where = "note") {
  if (utf8(note).length > MAX_NOTE) {
    throw malformed("too-large", `a note has at most ${MAX_NOTE} bytes`, where);
  }
  if (/[\x00-\x09\x0b-\x1f]/.test(note)) {
    throw malformed("bad-note", "a control character in a note", where);
  }
  const at = note.lastIndexOf("\n\n");
  const block = note.slice(at + 2);
  if (at < 1 || !block.endsWith("\n")) {
    throw malformed("bad-note", "not a text, an empty line and signature lines", where);
  }
  const lines = block.slice(0, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) {
    throw malformed("bad-note", `more than ${MAX_SIGNATURES} signatures`, where);
  }
  const signatures = lines.map((line) => {
    const match = SIGNATURE_LINE.exec(line);
    if (!match) throw malformed("bad-note", "a signature line is malformed", where);
    const data = parseBase64(match[2], where);
    if (data.length < 5) throw malformed("bad-note", "a signature is too short", where);
    return { name: match[1], data };
  });
  return { text: note.slice(0, at) + "\n", signatures };
}

export async function openNote(note, verifiers, where = "note") {
  const { text, signatures } = splitNote(note, where);
  const origin = text.split("\n", 1)[0];
  let signed = false;
  for (const { name, data } of signatures) {
    const known = verifiers.filter(
      (key) => key.name === origin && key.name === name && equal(key.keyId, data.subarray(0, 4)),
    );
    const verifier = known.at(-1);
    if (!verifier) continue;
    if (!(await verifier.verify(utf8(text), data.subarray(4)))) {
      throw unproven(
        "bad-signature",
        `${where}: the signature by ${verifier.vkey()} does not hold`,
      );
    }
    signed = true;
  }
  if (!signed) throw unproven("bad-signature", `${where}: no signature by a known key`);
  return text;
}

function lines(text, count, what) {
  const found = text.split("\n");
  if (found.length !== count + 1 || found.at(-1)) {
    throw malformed("bad-note", `a ${what} has exactly ${count} lines`, what);
  }
  return found;
}

function decimal(text, where, minimum = 0, maximum = MAX_SIZE) {
  const value = Number(text);
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text) || !(minimum <= value && value <= maximum)) {
    throw malformed(
      "bad-number",
      `not a decimal integer from ${minimum} to ${maximum}`,
      where,
    );
  }
  return value;
}

export function parseCheckpoint(text) {
  const [origin, size, root] = lines(text, 3, "checkpoint");
  return {
    origin: checkOrigin(origin, "checkpoint/origin"),
    size: decimal(size, "checkpoint/size"),
    root: parseBase64(root, "checkpoint/root", 32),
  };
}

export function parseTrailHead(text) {
  const [origin, label, subject, trail, count, leaf, size] = lines(text, 7, "trail head");
  if (label !== "trail/v1") throw malformed("bad-note", "line 2 is not trail/v1", "trail head");
  const anchoredSize = decimal(size, "trail head/anchored_size", 1);
  return {
    origin: checkOrigin(origin, "trail head/origin"),
    subject: checkSubject(subject, "trail head/subject"),
    trail: parseHex(trail, "trail head/trail"),
    count: decimal(count, "trail head/count", 1, anchoredSize),
    lastLeaf: parseHex(leaf, "trail head/last_leaf"),
    anchoredSize,
  };
}

