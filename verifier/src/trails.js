// What a set of proven receipts shows of the trails that they are part of (provenance.verify.trails).

import { equal, hex } from "./bytes.js";
import { Fault } from "./faults.js";
import { openNote, parseTrailHead, splitNote } from "./notes.js";

const LISTED = 8;
const newest = (origin, trust) => (trust ? trust.lineage(origin).at(-1) : origin);

// What a note says, signed by a key that the trust file names for its origin; else null.
export async function openTrusted(note, trust, read) {
  try {
    const { text } = splitNote(note);
    const log = trust?.log(text.split("\n", 1)[0]);
    if (!log) return null;
    await openNote(note, log.keys);
    return read(text);
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
}

export async function trailReports(proven, trust, pace) {
  const groups = new Map();
  for (const { origin, receipt } of proven) {
    const log = newest(origin, trust);
    const key = `${log} ${hex(receipt.entry.trail)}`;
    if (!groups.has(key)) groups.set(key, { log, trail: receipt.entry.trail, receipts: [] });
    groups.get(key).receipts.push(receipt);
  }
  const reports = [];
  for (const group of groups.values()) {
    reports.push(await report(group, trust));
    await pace.step("Following histories", reports.length, groups.size);
  }
  return reports;
}

async function report({ log, trail, receipts }, trust) {
  const head = await longestHead(log, trail, receipts, trust);
  const subjects = new Set(receipts.filter((item) => item.statement).map((item) => item.statement.subject));
  if (head) subjects.add(head.subject);
  const [outcome, reason] = finding(receipts, subjects, head);
  const value = { trail: hex(trail), check: "trail", outcome, reason };
  const subject = [...subjects].sort()[0] ?? "";
  return subject ? { ...value, subject } : value;
}

// What a log signed above the size of its succession is void: it says nothing of a trail.
function isAbandoned({ origin, anchoredSize }, trust) {
  const { successor } = trust.log(origin);
  return Boolean(successor) && anchoredSize > successor.size;
}

// Of heads that say as much, that of the first receipt.
async function longestHead(log, trail, receipts, trust) {
  let longest = null;
  for (const note of new Set(receipts.map((item) => item.trailHead).filter((note) => note !== null))) {
    const head = await openTrusted(note, trust, parseTrailHead);
    if (!head || newest(head.origin, trust) !== log || !equal(head.trail, trail)) continue;
    if (isAbandoned(head, trust)) continue;
    const isLonger =
      !longest ||
      head.count > longest.count ||
      (head.count === longest.count && head.anchoredSize > longest.anchoredSize);
    if (isLonger) longest = head;
  }
  return longest;
}

function finding(receipts, subjects, head) {
  if (subjects.size > 1) return ["INVALID", "one trail is of more than one subject"];
  const bySeq = new Map();
  for (const receipt of receipts) {
    const { seq } = receipt.entry;
    if (!bySeq.has(seq)) bySeq.set(seq, receipt);
    const other = bySeq.get(seq);
    if (other.index !== receipt.index || !equal(other.entry.leaf, receipt.entry.leaf)) {
      return ["INVALID", `two entries have number ${seq}`];
    }
  }
  const ordered = [...bySeq.values()].sort((one, other) => one.entry.seq - other.entry.seq);
  const broken = brokenOrder(ordered);
  return broken ? ["INVALID", broken] : completeness(bySeq, ordered, head);
}

function brokenOrder(ordered) {
  for (let at = 1; at < ordered.length; at++) {
    const [before, after] = [ordered[at - 1], ordered[at]];
    if (after.index <= before.index) {
      return `number ${after.entry.seq} stands before an earlier number in the log`;
    }
    const follows = after.entry.seq === before.entry.seq + 1;
    if (follows && !equal(after.entry.prev, before.entry.leaf)) {
      return `number ${after.entry.seq} does not name the entry before it`;
    }
  }
  return "";
}

function completeness(bySeq, ordered, head) {
  if (!head) return ["UNKNOWN", "no trusted trail head says how long the trail is"];
  if (ordered.at(-1).entry.seq >= head.count) {
    return ["UNKNOWN", "the trail head is older than the newest receipt given"];
  }
  if (bySeq.size < head.count) {
    const missing = [];
    for (let seq = 0; missing.length < LISTED && seq < head.count; seq++) {
      if (!bySeq.has(seq)) missing.push(seq);
    }
    const more = head.count - bySeq.size > LISTED ? " …" : "";
    return [
      "UNKNOWN",
      `incomplete: ${bySeq.size} of ${head.count} entries were given; ` +
        `missing numbers ${missing.join(", ")}${more}`,
    ];
  }
  if (!equal(bySeq.get(head.count - 1).entry.leaf, head.lastLeaf)) {
    return ["INVALID", "the trail head ends in another entry"];
  }
  return [
    "VALID",
    `complete: all ${head.count} entries as of size ${head.anchoredSize}, in order and linked`,
  ];
}
