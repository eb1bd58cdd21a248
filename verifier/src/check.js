// The check of one receipt: the same verdicts, for the same reasons, as provenance.core.check.

import { equal, quoted, sha256, utf8 } from "./bytes.js";
import { Fault, guarded, malformed } from "./faults.js";
import { flatten, verifyDisclosure } from "./fields.js";
import { openNote, parseCheckpoint, parseTrailHead, splitNote } from "./notes.js";
import { payloadCommitment, sameAnchor, statementCommitment } from "./statement.js";
import { verifyInclusion } from "./tree.js";

const TOLERANCE_MS = 5000;
export const LATE_ANCHOR_MS = 300000;
export const LOCAL = "the chain is under the operator's control: a demonstration, not evidence";
export const CHECKS = [
  "content", "commitment", "inclusion", "checkpoint", "trail", "anchor", "finality", "timing",
  "status",
]; // prettier-ignore

export const checkpointOf = (anchored) =>
  parseCheckpoint(splitNote(anchored.checkpoint, "checkpoint").text);

// Seconds of whole milliseconds with `digits` decimals, halves to even as Python rounds them.
export function seconds(milliseconds, digits) {
  const unit = digits ? 1000 : 2000;
  const rest = Math.abs(milliseconds) % unit;
  const isTie = digits ? rest === 250 : rest === 500;
  const towardsZero = isTie ? Math.sign(milliseconds) : 0;
  return ((milliseconds - towardsZero) / 1000).toFixed(digits);
}

const abandoned = (size) => `abandoned: a successor carries the log on from size ${size}`;

export function content(receipt, payload) {
  const { statement } = receipt;
  if (!statement || !receipt.payload) {
    return ["UNKNOWN", "the receipt does not open the payload's commitment"];
  }
  if (statement.payloadSize !== payload.length) {
    return [
      "INVALID",
      `the payload has ${payload.length} bytes; the statement says ${statement.payloadSize}`,
    ];
  }
  if (!equal(receipt.payload.sha256, sha256(payload))) {
    return ["INVALID", "the payload is not the one that was recorded"];
  }
  if (receipt.fields.length) {
    const fields = flatten(payload);
    if (receipt.fields.some(({ pointer, token }) => fields.get(pointer) !== token)) {
      return ["INVALID", "the disclosed fields are not the payload's"];
    }
  }
  return ["VALID", "the payload is, byte for byte, the one that was recorded"];
}

// What the trusted chain says about a checkpoint, and a receipt about its anchor.
export function askChain(checkpoint, anchor, log, facts) {
  if (facts.chain_id !== log.chain_id) {
    return ["UNKNOWN", "the chain that was asked is not the trusted one"];
  }
  if (!equal(facts.root, checkpoint.root)) {
    return ["INVALID", "the contract holds another root at this size"];
  }
  if (facts.record.old_size !== anchor.old_size) {
    return ["INVALID", "the anchor extends another size than the receipt says"];
  }
  if (!sameAnchor(facts.record, anchor)) {
    return [
      "UNKNOWN",
      "the anchor is in another block or transaction than the receipt says: " +
        "fetch the receipt again",
    ];
  }
  const local = log.local ? ` (${LOCAL})` : "";
  return [
    "VALID",
    `the contract holds this root at size ${checkpoint.size} since block ` +
      `${anchor.block_number}${local}`,
  ];
}

export function headContradiction(head, index, entry) {
  if (index >= head.anchoredSize) {
    if (entry.seq < head.count) return "the trail head counts this entry before it was anchored";
    if (entry.seq === head.count && !equal(entry.prev, head.lastLeaf)) {
      return "the entry that follows the trail head names another last entry";
    }
    return "";
  }
  if (entry.seq >= head.count) return "the trail head leaves this entry out";
  if (entry.seq === head.count - 1 && !equal(entry.leaf, head.lastLeaf)) {
    return "the trail head ends in another entry";
  }
  return "";
}

export class ReceiptCheck {
  // `facts` are the dossier's about the first anchor, or null and `missing` says why.
  constructor(receipt, { trust, facts, missing }) {
    this.receipt = receipt;
    this.trust = trust;
    this.facts = facts;
    this.missing = missing;
    this.checkpoint = null;
    this.log = null;
    try {
      this.checkpoint = checkpointOf(receipt.anchored);
      this.log = trust?.log(this.checkpoint.origin) ?? null;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.checkpointError = error.message;
    }
  }

  async verdicts() {
    const found = [];
    for (const check of CHECKS) {
      // The check named "checkpoint" must not hide the checkpoint itself.
      const step = check === "checkpoint" ? "signatures" : check;
      const [outcome, reason] = await guarded(() => this[step]());
      found.push({ check, outcome, reason });
    }
    return found;
  }

  content() {
    return ["UNKNOWN", "no payload was given"];
  }

  commitment() {
    const { statement, salt, state, entry, payload, fields } = this.receipt;
    if (!statement || !salt) return ["UNKNOWN", `the statement is ${state}: place and order only`];
    if (!equal(statementCommitment(statement, salt), entry.commitment)) {
      return ["INVALID", "statement and salt do not lead to the entry's commitment"];
    }
    if (payload && !equal(payloadCommitment(payload.sha256, payload.salt), statement.payload)) {
      return ["INVALID", "the payload's opening does not fit the statement"];
    }
    if (fields.length) {
      if (!statement.fieldsRoot) {
        return ["INVALID", "fields are disclosed, but the statement commits to none"];
      }
      verifyDisclosure(fields, statement.fieldsRoot);
    }
    return ["VALID", "the entry commits to this statement"];
  }

  inclusion() {
    const checkpoint = this.parsed();
    const { entry, index, anchored, later } = this.receipt;
    const points = [[checkpoint, anchored.path], ...later.map((item) => [checkpointOf(item), item.path])];
    for (const [{ size, root }, path] of points) {
      verifyInclusion(entry.leaf, { index, size, path, root });
    }
    return ["VALID", `entry ${index} is in the log of size ${checkpoint.size}`];
  }

  async signatures() {
    const checkpoint = this.parsed();
    for (const anchored of [this.receipt.anchored, ...this.receipt.later]) {
      const { origin } = checkpointOf(anchored);
      const log = this.logInLine(origin);
      if (!log) return ["UNKNOWN", this.untrusted(origin)];
      await openNote(anchored.checkpoint, log.keys, "checkpoint");
    }
    return ["VALID", `signed for ${checkpoint.origin} by a trusted key`];
  }

  async trail() {
    const { trailHead, index, entry } = this.receipt;
    if (trailHead === null) return ["UNKNOWN", "the receipt has no trail head"];
    const head = parseTrailHead(splitNote(trailHead, "trail head").text);
    const wrong = this.contradiction(head);
    if (wrong) return ["INVALID", wrong];
    const log = this.logInLine(head.origin);
    if (!log) return ["UNKNOWN", this.untrusted(head.origin)];
    await openNote(trailHead, log.keys, "trail head");
    if (index >= head.anchoredSize) return ["UNKNOWN", "the trail head is older than this entry"];
    if (log.successor && head.anchoredSize > log.successor.size) {
      return ["UNKNOWN", `the trail head is ${abandoned(log.successor.size)}`];
    }
    return [
      "VALID",
      `number ${entry.seq + 1} of ${head.count} in its trail ` +
        `as of size ${head.anchoredSize}, by a signed trail head`,
    ];
  }

  contradiction(head) {
    const { statement, entry, index } = this.receipt;
    if (statement && head.subject !== statement.subject) {
      return "the trail head is about another subject";
    }
    if (!equal(head.trail, entry.trail)) return "the trail head is about another trail";
    if (entry.seq > index) return "its trail has more entries before it than the log";
    return headContradiction(head, index, entry);
  }

  anchor() {
    const { anchored, index, later } = this.receipt;
    if (!(anchored.anchor.old_size <= index && index < anchored.anchor.size)) {
      return ["INVALID", "this is not the first anchor that covers the entry"];
    }
    const first = this.oneAnchor(anchored, this.facts);
    const findings = [first];
    later.forEach((item, position) => {
      const [outcome, reason] = this.oneAnchor(item, null);
      findings.push([outcome, `later anchor ${position}: ${reason}`]);
    });
    for (const worst of ["INVALID", "UNKNOWN"]) {
      const found = findings.find(([outcome]) => outcome === worst);
      if (found) return found;
    }
    return first;
  }

  oneAnchor(anchored, facts) {
    const checkpoint = checkpointOf(anchored);
    const { anchor } = anchored;
    if (anchor.size !== checkpoint.size) {
      return ["INVALID", "the anchor's size is not the checkpoint's"];
    }
    if (!equal(anchor.log_id, sha256(utf8(checkpoint.origin)))) {
      return ["INVALID", "the anchor is another log's"];
    }
    const log = this.logInLine(checkpoint.origin);
    if (!log) return ["UNKNOWN", this.untrusted(checkpoint.origin)];
    const stranger = strangeMember(anchor, log);
    if (stranger) return ["INVALID", `the anchor's ${stranger} is not the trusted one`];
    if (log.successor && checkpoint.size > log.successor.size) {
      return ["INVALID", abandoned(log.successor.size)];
    }
    if (!facts) return ["UNKNOWN", this.missing];
    return askChain(checkpoint, anchor, log, facts);
  }

  finality() {
    if (!this.facts || !this.log) return ["UNKNOWN", this.missing];
    if (this.facts.chain_id !== this.log.chain_id) {
      return ["UNKNOWN", "the anchor was not found on the trusted chain"];
    }
    return [this.facts.final ? "VALID" : "UNKNOWN", this.facts.finality];
  }

  timing() {
    const { anchor } = this.receipt.anchored;
    const { at } = this.receipt.entry;
    if (anchor.block_time < anchor.old_time) {
      return ["INVALID", "the old anchor is younger than the new one"];
    }
    if (at > anchor.block_time + TOLERANCE_MS) {
      return ["INVALID", `dated ${at}, after the block ${anchor.block_time} that anchors it`];
    }
    if (at < anchor.old_time - LATE_ANCHOR_MS) {
      return [
        "UNKNOWN",
        `dated ${seconds(anchor.old_time - at, 0)} s before the anchor that it came after: ` +
          "either that anchor was late, or the entry was back-dated",
      ];
    }
    const { facts, log } = this;
    const confirmed = facts && log && facts.chain_id === log.chain_id;
    if (!confirmed || !sameAnchor(facts.record, anchor)) {
      return ["UNKNOWN", "the anchors' block times were not confirmed by the chain"];
    }
    const width = anchor.block_time - Math.min(anchor.old_time, at);
    return [
      "VALID",
      `logged within a window of ${seconds(width, 1)} s between two anchors, ` +
        `anchored ${seconds(anchor.block_time - at, 1)} s later`,
    ];
  }

  status() {
    return ["UNKNOWN", "later records that refer to this one were not looked for"];
  }

  parsed() {
    if (!this.checkpoint) throw malformed("malformed", this.checkpointError);
    return this.checkpoint;
  }

  logInLine(origin) {
    const { origin: first } = this.parsed();
    if (!this.trust || !this.trust.lineage(first).includes(origin)) return null;
    return this.trust.log(origin);
  }

  untrusted(origin) {
    if (!this.trust) return "no trust file was given";
    if (this.trust.log(origin)) {
      return `${quoted(origin)} does not carry on the log of the checkpoint`;
    }
    return `the trust file does not name the log ${quoted(origin)}`;
  }
}

export function strangeMember(anchor, log) {
  if (anchor.chain_id !== log.chain_id) return "chain_id";
  return ["genesis_hash", "contract"].find((name) => !equal(anchor[name], log[name])) ?? null;
}
