// Facts about anchors, out of a dossier's own proofs and the block hashes that one trusts.

import { anyHex, equal, hex, sha256, utf8 } from "./bytes.js";
import { readEvent, readHeader } from "./blocks.js";
import { askChain, strangeMember } from "./check.js";
import { malformed, unproven } from "./faults.js";
import { parseCanonical } from "./json.js";
import { Members } from "./members.js";
import { openNote, parseCheckpoint, splitNote } from "./notes.js";
import { readAnchor } from "./statement.js";
import { verifyConsistency } from "./tree.js";

export const MAX_LINE = 4 << 20;
const MAX_BLOCKS = 1 << 16;
const MAX_EVENTS = 64;
export const MAX_CLOSING = 64 << 20;
const MAX_SIZES = 1 << 16;
const MAX_PATH = 64;
const ANCHORED = "10d64b358a2a34d1aefd3923dfecde63ee095436d398bd873df1fd341db42724";
const OPENED = "4ea2cb03217842f9c3b0ecc2dfcb7ab46617b2908d383838de2ee086811d1aaa";

const NAMED = "its block is one that the verifier names as trusted";
const LINKED = "its block leads to one that is trusted";
export const NO_PROOF = "the dossier has no proof of this anchor";
const NO_OLD_PROOF = "the dossier has no proof of the anchor before this one";
const notVouched = (number) =>
  `the dossier's proof fits, but nobody vouches for block ${number}: name its hash`;
const strangeHash = (number) =>
  "the dossier's proof fits, but a hash that was given is not that of any block in the dossier, " +
  `and block ${number} needs its own: either another block's hash was looked up, or the dossier ` +
  "is of another chain";
export const contradictedBy = (number) =>
  `block ${number} has another hash in the dossier than the one that was given for it: the ` +
  "dossier is of another chain";

// Vouches of a verifier who names blocks, by `hash` or `number:hash`: a Map from hash to why.
export const named = (blocks) =>
  new Map(
    blocks.map((block) => {
      const [hash, number] = block.split(":").reverse();
      const known = number === undefined ? null : Number(number);
      return [hash, { final: true, reason: NAMED, number: known }];
    }),
  );

const word = (data) => data.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
const badBlock = (message) => unproven("bad-block-proof", message);

export class ChainProofs {
  constructor() {
    this.headers = new Map();
    this.anchored = new Map();
    this.opened = new Map();
    this.last = -1;
  }

  add(line) {
    const members = new Members(parseCanonical(line, { maxBytes: MAX_LINE, maxDepth: 5, maxValues: 1 << 14 }));
    members.only(["header", "events"]);
    const header = readHeader(anyHex(members.get("header"), "/header"));
    if (this.headers.size >= MAX_BLOCKS) {
      throw malformed("bad-value", `more than ${MAX_BLOCKS} blocks`, "/header");
    }
    if (header.number <= this.last) {
      throw malformed("bad-value", "blocks do not come in order of number", "/header");
    }
    this.last = header.number;
    this.headers.set(hex(header.hash), header);
    if (!members.has("events")) return;
    members.array("events", MAX_EVENTS).forEach((item, at) => {
      const event = new Members(item, `/events/${at}`);
      event.only(["transaction_index", "position", "receipt_proof", "transaction_proof"]);
      this.keep(readEvent(event, header));
    });
  }

  keep(proven) {
    const { address, topics, data } = proven.event;
    const topic = topics.length ? hex(topics[0]) : "";
    if (topic === ANCHORED && topics.length === 3) {
      const shape = "an event does not have the shape of Anchored";
      if (data.length !== 64) throw badBlock(shape);
      const [size, oldSize] = [word(topics[2]), word(data.slice(32))];
      const most = BigInt(Number.MAX_SAFE_INTEGER);
      if (!(oldSize < size && size <= most)) throw badBlock(shape);
      Object.assign(proven, { size: Number(size), oldSize: Number(oldSize) });
      const key = `${hex(address)} ${hex(topics[1])} ${size}`;
      if (this.anchored.has(key)) throw badBlock(`two anchors of size ${size}`);
      this.anchored.set(key, proven);
    } else if (topic === OPENED && topics.length === 2) {
      const key = `${hex(address)} ${hex(topics[1])}`;
      if (this.opened.has(key)) throw badBlock("two openings of one log");
      this.opened.set(key, proven);
    } else {
      throw badBlock("an event is neither an anchor nor an opening");
    }
  }

  strange(vouches) {
    return [...vouches.keys()].some((block) => !this.headers.has(block));
  }

  // The vouches, and those of blocks to which headers lead from them.
  linked(vouches) {
    const found = new Map(vouches);
    for (const [block, { final }] of vouches) {
      let header = this.headers.get(block);
      while (header) {
        const parent = hex(header.parent);
        if (!this.headers.has(parent) || found.has(parent)) break;
        found.set(parent, { final, reason: LINKED, number: null });
        header = this.headers.get(parent);
      }
    }
    return found;
  }

  // What the dossier proves about the anchor that a receipt claims: { facts, unvouched }.
  // `isStrange` says whether a vouch is for a block that is not in the dossier.
  anchor(claim, { log, trust, vouches, isStrange }) {
    const proven = this.find(log, claim.size);
    if (!proven) return { facts: null, unvouched: NO_PROOF };
    const old = this.old(log, trust, proven.oldSize);
    let unvouched = old ? "" : NO_OLD_PROOF;
    // The anchor's own block first: a closing anchor needs no other.
    const strange = (old ? [proven, old] : [proven]).find(
      ({ header }) => !vouches.has(hex(header.hash)),
    );
    if (strange) {
      unvouched = (isStrange ? strangeHash : notVouched)(strange.header.number);
    }
    const vouch = vouches.get(hex(proven.header.hash));
    const record = toRecord(proven, claim, log, old);
    const facts = {
      chain_id: record.chain_id,
      root: proven.event.data.slice(0, 32),
      record,
      final: vouch ? vouch.final : true,
      finality: vouch ? vouch.reason : unvouched,
    };
    return { facts, unvouched };
  }

  // Number of a block that has another hash here than a verifier says; or null.
  contradicted(vouches) {
    const hashes = new Map(
      [...this.headers].map(([hash, header]) => [Number(header.number), hash]),
    );
    for (const [block, { number }] of vouches) {
      if (number !== null && (hashes.get(number) ?? block) !== block) return number;
    }
    return null;
  }

  find(log, size) {
    return this.anchored.get(`${hex(log.contract)} ${hex(sha256(utf8(log.origin)))} ${size}`);
  }

  // Anchor of the old size, by this log or one that it carries on; else its opening.
  old(log, trust, oldSize) {
    if (oldSize === 0) return this.opened.get(`${hex(log.contract)} ${hex(sha256(utf8(log.origin)))}`);
    const line = [log];
    for (;;) {
      const before = trust.logs.find((item) => item.successor?.origin === line.at(-1).origin);
      if (!before || line.includes(before)) break;
      line.push(before);
    }
    for (const item of line) {
      const found = this.find(item, oldSize);
      if (found) return found;
    }
    return undefined;
  }
}

function toRecord(proven, claim, log, old) {
  const { header, event, position, index } = proven;
  return {
    chain_id: proven.chainId ?? log.chain_id,
    genesis_hash: log.genesis_hash,
    contract: event.address,
    log_id: event.topics[1],
    transaction: proven.transaction,
    log_index: index === 0 ? position : Math.max(claim.log_index, position),
    block_number: header.number,
    block_hash: header.hash,
    block_time: header.time,
    size: proven.size,
    old_size: proven.oldSize,
    old_time: old ? old.header.time : claim.old_time,
  };
}

// Of a dossier of so many entries: no more sizes than entries were first anchored at. A proof has
// at most MAX_PATH + 4 commas and brackets; checkpoint and anchor have fewer than 64.
export function decodeClosing(data, entries) {
  const maxValues = 64 + (MAX_PATH + 4) * Math.min(entries, MAX_SIZES);
  const members = new Members(parseCanonical(data, { maxBytes: MAX_CLOSING, maxDepth: 6, maxValues }));
  members.version();
  members.only(["v", "checkpoint", "anchor", "consistency"]);
  const consistency = members.array("consistency", MAX_SIZES).map((item, at) => {
    const proof = new Members(item, `/consistency/${at}`);
    proof.only(["size", "proof"]);
    return { size: proof.integer("size", 1), proof: proof.hashes("proof", MAX_PATH) };
  });
  if (consistency.some(({ size }, at) => at && size <= consistency[at - 1].size)) {
    throw malformed("bad-value", "sizes do not rise", "/consistency");
  }
  return {
    checkpoint: members.text("checkpoint"),
    anchor: readAnchor(members.get("anchor"), "/anchor"),
    consistency,
  };
}

export const closingCheckpoint = (closing) =>
  parseCheckpoint(splitNote(closing.checkpoint, "checkpoint").text);

// Whether the closing tree extends the tree of each first checkpoint.
export function judgeCover(closing, firsts, trust) {
  const last = closingCheckpoint(closing);
  const proofs = new Map(closing.consistency.map(({ size, proof }) => [size, proof]));
  for (const { checkpoint } of firsts) {
    if (trust && !trust.lineage(checkpoint.origin).includes(last.origin)) {
      return ["INVALID", "the closing checkpoint does not carry on an entry's log"];
    }
    const { size } = checkpoint;
    if (size > last.size || (size < last.size && !proofs.has(size))) {
      return ["INVALID", `the closing checkpoint does not cover size ${size}`];
    }
    verifyConsistency({
      old: size,
      size: last.size,
      proof: size < last.size ? proofs.get(size) : [],
      oldRoot: checkpoint.root,
      root: last.root,
    });
  }
  const sizes = new Set(firsts.map(({ checkpoint }) => checkpoint.size));
  // They rise: the first is the smallest.
  const needless = [...proofs.keys()].find((size) => !sizes.has(size));
  if (needless !== undefined) {
    return ["INVALID", `nothing was first anchored at size ${needless}`];
  }
  const entries = firsts.reduce((sum, { count }) => sum + count, 0);
  return ["VALID", `all ${entries} entries are in the log of size ${last.size}`];
}

// Why the origins that the manifest names are not those of the checkpoints; else empty.
export function judgeOrigins(closing, firsts, origins) {
  const last = closingCheckpoint(closing).origin;
  const found = new Set([...firsts.map(({ checkpoint }) => checkpoint.origin), last]);
  const strange = origins.find((origin) => !found.has(origin));
  if (strange !== undefined) {
    return `the manifest names the log ${strange}, and nothing in it is of that log`;
  }
  const missing = [...found].find((origin) => !origins.includes(origin));
  return missing === undefined ? "" : `the manifest does not name the log ${missing}`;
}

export async function judgeAnchor(closing, log, facts, unvouched) {
  const last = closingCheckpoint(closing);
  const { anchor } = closing;
  await openNote(closing.checkpoint, log.keys, "checkpoint");
  if (anchor.size !== last.size) return ["INVALID", "the anchor's size is not the checkpoint's"];
  if (!equal(anchor.log_id, sha256(utf8(last.origin)))) {
    return ["INVALID", "the anchor is another log's"];
  }
  const stranger = strangeMember(anchor, log);
  if (stranger) return ["INVALID", `the anchor's ${stranger} is not the trusted one`];
  if (log.successor && last.size > log.successor.size) {
    return ["INVALID", "abandoned: a successor carries the log on from a smaller size"];
  }
  if (!facts) return ["UNKNOWN", unvouched];
  const [outcome, reason] = askChain(last, anchor, log, facts);
  if (outcome !== "VALID") return [outcome, reason];
  if (unvouched) return ["UNKNOWN", unvouched];
  return facts.final ? ["VALID", reason] : ["UNKNOWN", facts.finality];
}
