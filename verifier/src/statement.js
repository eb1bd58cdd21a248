// Statements, entries and receipts (docs/formats.md, sections 2, 3, 5 and 9).

import { concat, equal, hmacSha256, sha256, utf8 } from "./bytes.js";
import { malformed } from "./faults.js";
import { readDisclosure } from "./fields.js";
import { canonicalize, parseCanonical } from "./json.js";
import { Members } from "./members.js";
import { leafHash } from "./tree.js";

const KINDS = ["event", "document", "identity", "case", "erasure", "heartbeat"];
const RELATIONS = ["corrects", "supersedes", "erases", "relies_on"];
export const STATES = ["withheld", "erased"];
const MAX_SUBJECT = 2048;
const MAX_REFS = 4096;
const MAX_TEXT = 2048;
const MAX_RECEIPT = 4 << 20;
const MAX_RECEIPT_VALUES = 1 << 17;
const MAX_PATH = 64;
const MAX_LATER = 64;
const OPENING = ["statement", "salt", "payload", "fields"];

export function checkSubject(subject, where = "/subject") {
  // Code points: what is of that many units has at most as many.
  if (subject.length > MAX_SUBJECT && [...subject].length > MAX_SUBJECT) {
    throw malformed("too-large", `a subject has at most ${MAX_SUBJECT} characters`, where);
  }
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+$/.test(subject)) {
    throw malformed("bad-value", "a subject is an absolute URI in ASCII without spaces", where);
  }
  return subject;
}

function printable(members, name) {
  const text = members.text(name);
  if ([...text].length > MAX_TEXT) {
    throw malformed("too-large", `has more than ${MAX_TEXT} characters`, members.at(name));
  }
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text)) {
    throw malformed("bad-value", "is empty or not printable ASCII", members.at(name));
  }
  return text;
}

function readStatement(value, where) {
  const members = new Members(value, where);
  members.version();
  members.only([
    "v", "kind", "subject", "submitter", "media_type", "payload", "payload_size", "refs",
    "type", "occurred_at", "context_sha256", "fields_root",
  ]); // prettier-ignore
  return {
    kind: members.text("kind", { choices: KINDS }),
    subject: checkSubject(members.text("subject"), members.at("subject")),
    submitter: printable(members, "submitter"),
    mediaType: printable(members, "media_type"),
    payload: members.hex("payload"),
    payloadSize: members.integer("payload_size"),
    refs: members.array("refs", MAX_REFS).map((item, at) => {
      const ref = new Members(item, `${members.at("refs")}/${at}`);
      ref.only(["rel", "leaf"]);
      return { rel: ref.text("rel", { choices: RELATIONS }), leaf: ref.hex("leaf") };
    }),
    type: members.optional("type", (name) => printable(members, name)),
    occurredAt: members.optional("occurred_at", (name) =>
      members.integer(name, -Number.MAX_SAFE_INTEGER),
    ),
    context: members.optional("context_sha256", (name) => members.hex(name)),
    fieldsRoot: members.optional("fields_root", (name) => members.hex(name)),
    encoded: canonicalize(value),
  };
}

function readEntry(value, where) {
  const members = new Members(value, where);
  members.version();
  members.only(["v", "at", "trail", "seq", "prev", "commitment"]);
  const entry = {
    at: members.integer("at"),
    trail: members.hex("trail"),
    seq: members.integer("seq"),
    prev: members.hex("prev"),
    commitment: members.hex("commitment"),
    leaf: leafHash(canonicalize(value)),
  };
  if ((entry.seq === 0) !== equal(entry.prev, new Uint8Array(32))) {
    throw malformed("bad-value", "is all zeros for seq 0 and for no other", members.at("prev"));
  }
  return entry;
}

const ANCHOR_HASHES = ["genesis_hash", "log_id", "transaction", "block_hash"];
const ANCHOR_NUMBERS = ["log_index", "block_number", "block_time", "old_size", "old_time"];

export function readAnchor(value, where) {
  const members = new Members(value, where);
  members.only([
    ...ANCHOR_HASHES, ...ANCHOR_NUMBERS, "chain_id", "contract", "size",
  ]); // prettier-ignore
  const anchor = {
    chain_id: members.integer("chain_id", 1),
    genesis_hash: members.hex("genesis_hash"),
    contract: members.hex("contract", 20),
    log_id: members.hex("log_id"),
    transaction: members.hex("transaction"),
    log_index: members.integer("log_index"),
    block_number: members.integer("block_number"),
    block_hash: members.hex("block_hash"),
    block_time: members.integer("block_time"),
    size: members.integer("size", 1),
  };
  for (const name of ["old_size", "old_time"]) anchor[name] = members.integer(name);
  return anchor;
}

export const sameAnchor = (one, other) =>
  Object.keys(one).every((name) =>
    typeof one[name] === "number" ? one[name] === other[name] : equal(one[name], other[name]),
  );

function readAnchored(members) {
  return {
    path: members.hashes("path", MAX_PATH),
    checkpoint: members.text("checkpoint"),
    anchor: readAnchor(members.get("anchor"), members.at("anchor")),
  };
}

function readLater(members, first) {
  const items = members.array("later", MAX_LATER);
  if (!items.length) throw malformed("bad-value", "is empty; leave it out", members.at("later"));
  const later = items.map((item, at) => {
    const inner = new Members(item, `${members.at("later")}/${at}`);
    inner.only(["path", "checkpoint", "anchor"]);
    return readAnchored(inner);
  });
  const sizes = [first.anchor.size, ...later.map((item) => item.anchor.size)];
  if (sizes.some((size, at) => at && size <= sizes[at - 1])) {
    throw malformed("bad-value", "the anchors' sizes do not rise", members.at("later"));
  }
  return later;
}

function readOpening(value, where) {
  const members = new Members(value, where);
  members.only(["salt", "sha256"]);
  return { salt: members.hex("salt"), sha256: members.hex("sha256") };
}

function checkOpening(members, state) {
  for (const name of OPENING) {
    if (state !== null && members.has(name)) {
      throw malformed(
        "unknown-member",
        `cannot be there in a receipt that is ${state}`,
        members.at(name),
      );
    }
  }
  for (const name of ["statement", "salt"]) {
    if (state === null && !members.has(name)) {
      throw malformed(
        "missing-member",
        "is required, or state says why it is missing",
        members.at(name),
      );
    }
  }
}

export function decodeReceipt(data) {
  const value = parseCanonical(data, {
    maxBytes: MAX_RECEIPT,
    maxDepth: 24,
    maxValues: MAX_RECEIPT_VALUES,
  });
  const members = new Members(value);
  members.version();
  members.only([
    "v", "state", ...OPENING, "entry", "index", "path", "checkpoint", "trail_head", "anchor",
    "later", "ext",
  ]); // prettier-ignore
  const state = members.optional("state", (name) => members.text(name, { choices: STATES }));
  checkOpening(members, state);
  const inside = (read) => (name) => read(members.get(name), members.at(name));
  const entry = inside(readEntry)("entry");
  const index = members.integer("index");
  const anchored = readAnchored(members);
  const receipt = {
    entry,
    index,
    anchored,
    state,
    statement: members.optional("statement", inside(readStatement)),
    salt: members.optional("salt", (name) => members.hex(name)),
    payload: members.optional("payload", inside(readOpening)),
    fields: members.optional("fields", (name) => readDisclosure(members, name)) ?? [],
    trailHead: members.optional("trail_head", (name) => members.text(name)),
    later: members.optional("later", () => readLater(members, anchored)) ?? [],
  };
  if (members.has("ext") && !(members.get("ext") instanceof Map)) {
    throw malformed("wrong-type", "expected an object", members.at("ext"));
  }
  return receipt;
}

export const statementCommitment = (statement, salt) =>
  hmacSha256(salt, concat(utf8("statement/v1\n"), sha256(statement.encoded)));
export const payloadCommitment = (digest, salt) =>
  hmacSha256(salt, concat(utf8("payload/v1\n"), digest));
