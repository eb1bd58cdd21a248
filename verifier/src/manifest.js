// The manifest: what a dossier says of itself, and the signature over it.

import { base64url, hex, parseBase64url, utf8 } from "./bytes.js";
import { checkName, MAX_BYTES, MAX_MEMBERS } from "./container.js";
import { malformed, unproven } from "./faults.js";
import { canonicalize, checkText, parseCanonical } from "./json.js";
import { Members } from "./members.js";
import { checkOrigin, KEY } from "./notes.js";
import { checkSubject, STATES } from "./statement.js";

export const MANIFEST = "manifest.json";
export const SIGNATURE = "manifest.jws";
export const MAX_MANIFEST = 8 << 20;
export const MAX_SIGNATURE = 2048;
const MAX_ORIGINS = 64;
const MAX_SUBJECTS = 1024;
const MAX_TEXT = 256;
export const DOCUMENT = "document";
const FOLDER = "documents/";
export const FIXED_NAMES = {
  readme: "README.txt",
  case: "case.json",
  report: "case.pdf",
  verifier: "dossier-verifier.html",
  anchors: "evidence/anchors.jsonl",
  closing: "evidence/closing.json",
  payloads: "evidence/payloads.jsonl",
  receipts: "evidence/receipts.jsonl",
  timestamps: "evidence/timestamps.jsonl",
};
const REQUIRED_ROLES = ["anchors", "closing", "receipts"];

function text(members, name) {
  const found = members.text(name, { maximum: MAX_TEXT });
  checkText(found, members.at(name));
  if (!found || /[\x00-\x1f\x7f-\x9f]/.test(found)) {
    throw malformed("bad-value", "is empty or has control characters", members.at(name));
  }
  return found;
}

function readFile(value, where) {
  const members = new Members(value, where);
  const role = members.text("role", { choices: [DOCUMENT, ...Object.keys(FIXED_NAMES)] });
  const state = members.optional("state", (name) => members.text(name, { choices: STATES }));
  const names = ["name", "role", "media_type"];
  if (role === DOCUMENT) names.push("code", "record", "state");
  else if (state !== null) {
    throw malformed("unknown-member", "only documents are withheld", members.at("state"));
  }
  if (state === null) names.push("size", "sha256", ...(role === DOCUMENT ? ["title"] : []));
  members.only(names);
  const name = checkName(members.text("name"));
  const fits = role === DOCUMENT ? name.startsWith(FOLDER) : name === FIXED_NAMES[role];
  if (!fits) throw malformed("bad-value", "is not a name of its role", members.at("name"));
  const size = state === null ? members.integer("size") : null;
  if (size !== null && size > MAX_BYTES) {
    throw malformed("bad-value", "is larger than a dossier", members.at("size"));
  }
  return {
    name,
    role,
    state,
    size,
    mediaType: text(members, "media_type"),
    sha256: state === null ? members.hex("sha256") : null,
    code: members.optional("code", (name) => text(members, name)),
    title: members.optional("title", (name) => text(members, name)),
    record: role === DOCUMENT ? members.integer("record") : null,
    json: Object.fromEntries(value),
  };
}

export function decodeManifest(data) {
  const limits = { maxBytes: MAX_MANIFEST, maxDepth: 6, maxValues: 1 << 16 };
  const members = new Members(parseCanonical(data, limits));
  members.version();
  members.only(["v", "created_at", "origins", "subjects", "files", "case"]);
  const files = members
    .array("files", MAX_MEMBERS)
    .map((item, at) => readFile(item, `/files/${at}`));
  for (let at = 1; at < files.length; at++) {
    if (files[at].name <= files[at - 1].name) {
      throw malformed("bad-value", "are not sorted by name, each once", "/files");
    }
  }
  for (const role of REQUIRED_ROLES) {
    if (!files.some((file) => file.role === role)) {
      throw malformed("bad-value", `has nothing of the role ${role}`, "/files");
    }
  }
  return {
    createdAt: members.integer("created_at"),
    origins: strings(members, "origins", MAX_ORIGINS).map((item) => checkOrigin(item, "/origins")),
    subjects: strings(members, "subjects", MAX_SUBJECTS).map((item) =>
      checkSubject(item, "/subjects"),
    ),
    files,
    case: members.optional("case", () => readCase(members.object("case"))),
  };
}

function strings(members, name, maximum) {
  const items = members.array(name, maximum);
  if (items.some((item) => typeof item !== "string")) {
    throw malformed("wrong-type", "expected a string", members.at(name));
  }
  if (!items.length || new Set(items).size !== items.length) {
    throw malformed("bad-value", "is empty or names one twice", members.at(name));
  }
  return items;
}

function readCase(members) {
  const names = ["id", "type", "state"];
  members.only(names);
  return Object.fromEntries(names.map((name) => [name, text(members, name)]));
}

export function decodeSignature(data) {
  // A letter for each byte: what is not ASCII is no base64.
  const whole = String.fromCharCode(...data);
  const parts = whole.split(".");
  if (parts.length !== 3 || parts[1]) {
    throw malformed("bad-note", "not a compact JWS with detached payload", SIGNATURE);
  }
  const header = new Members(parseCanonical(parseBase64url(parts[0], SIGNATURE)), "/header");
  const match = KEY.exec(header.text("kid", { maximum: 2 * MAX_TEXT }));
  if (!match) throw malformed("bad-note", "names no key (origin+keyid)", SIGNATURE);
  const found = {
    origin: checkOrigin(match[1], "/header/kid"),
    keyId: match[2],
    header: headerOf(match[0]),
    signature: parseBase64url(parts[2], SIGNATURE),
  };
  const spelled = `${base64url(found.header)}..${base64url(found.signature)}`;
  if (spelled !== whole || found.signature.length !== 64) {
    throw malformed("bad-note", "is not the header of a dossier's signature", SIGNATURE);
  }
  return found;
}

const headerOf = (kid) =>
  canonicalize(new Map([["alg", "EdDSA"], ["kid", kid], ["typ", "provenance-dossier+v1"]]));

export async function judgeSignature({ signature, manifest, manifestBytes }, trust) {
  if (!manifest.origins.includes(signature.origin)) {
    return ["INVALID", "the manifest is signed for a log that it does not name"];
  }
  if (!trust) return ["UNKNOWN", "no trust file was given"];
  const log = trust.log(signature.origin);
  if (!log) return ["UNKNOWN", `the trust file does not name the log ${signature.origin}`];
  const key = log.keys.find((item) => hex(item.keyId) === signature.keyId);
  if (!key) return ["UNKNOWN", "the trust file does not name the key that signed the manifest"];
  const signed = utf8(`${base64url(signature.header)}.${base64url(manifestBytes)}`);
  if (!(await key.verify(signed, signature.signature))) {
    throw unproven("bad-signature", "the manifest's signature does not hold");
  }
  return ["VALID", `the manifest is signed for ${signature.origin} by a trusted key`];
}

