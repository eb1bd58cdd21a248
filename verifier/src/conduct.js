// Misconduct: signed words of one log that contradict each other (provenance.core.conduct).

import { compareText, equal, hex } from "./bytes.js";
import { headContradiction } from "./check.js";
import { Fault } from "./faults.js";
import { parseCheckpoint, parseTrailHead } from "./notes.js";
import { statementCommitment } from "./statement.js";
import { openTrusted } from "./trails.js";
import { verifyInclusion } from "./tree.js";

class Lines {
  constructor(trust) {
    const followed = trust.logs.filter((log) => log.successor);
    this.before = new Map(followed.map((log) => [log.successor.origin, log.origin]));
    this.until = new Map(followed.map((log) => [log.origin, log.successor.size]));
  }

  root(origin) {
    const passed = new Set();
    while (this.before.has(origin) && !passed.has(origin)) {
      passed.add(origin);
      origin = this.before.get(origin);
    }
    return origin;
  }

  of(origin, size) {
    const until = this.until.get(origin) ?? size;
    return size > until ? `${origin} above ${until}` : this.root(origin);
  }
}

export async function findMisconduct(receipts, trust, pace) {
  const lines = new Lines(trust);
  const checkpoints = new Map();
  const seen = new Map();
  const heads = new Map();
  let done = 0;
  for (const receipt of receipts) {
    await pace.step("Looking for misconduct", done++, receipts.length);
    for (const { path, checkpoint: note } of [receipt.anchored, ...receipt.later]) {
      const checkpoint = await openTrusted(note, trust, parseCheckpoint);
      if (!checkpoint) continue;
      const line = lines.of(checkpoint.origin, checkpoint.size);
      const said = `${checkpoint.origin} ${checkpoint.size} ${hex(checkpoint.root)}`;
      if (!checkpoints.has(said)) checkpoints.set(said, { line, checkpoint, note });
      const entry = proven(receipt, { line, checkpoint, note }, path);
      if (!entry) continue;
      const key = [line, entry.index, hex(entry.leaf), entry.subject].join(" ");
      if (!seen.has(key)) seen.set(key, entry);
    }
    if (receipt.trailHead === null) continue;
    const head = await openTrusted(receipt.trailHead, trust, parseTrailHead);
    if (!head) continue;
    const key = [
      head.origin, head.subject, hex(head.trail), head.count, hex(head.lastLeaf), head.anchoredSize,
    ].join(" "); // prettier-ignore
    const line = lines.of(head.origin, head.anchoredSize);
    if (!heads.has(key)) heads.set(key, { line, head, note: receipt.trailHead });
  }
  const entries = [...seen.values()];
  const signedHeads = [...heads.values()];
  const searches = [
    forks([...checkpoints.values()]),
    places(entries),
    trails(entries, signedHeads),
    chains(entries),
    shortHeads(signedHeads),
    headsAgainstEntries(signedHeads, entries),
  ];
  const found = [];
  for (const search of searches) {
    found.push(...search);
    await pace.step("Looking for misconduct", 1, 1);
  }
  const distinct = new Map(found.map((item) => [JSON.stringify(item), item]));
  return [...distinct.values()];
}

function proven(receipt, { line, checkpoint, note }, path) {
  const { entry, index, statement, salt } = receipt;
  try {
    verifyInclusion(entry.leaf, { index, size: checkpoint.size, path, root: checkpoint.root });
  } catch (error) {
    if (error instanceof Fault) return null;
    throw error;
  }
  const opened = statement && salt && equal(statementCommitment(statement, salt), entry.commitment);
  return { line, index, entry, leaf: entry.leaf, subject: opened ? statement.subject : null, note };
}

const misconduct = (kind, reason, one, other) => ({ kind, reason, notes: [one, other] });

function* clashes(items, key, value) {
  const first = new Map();
  for (const item of items) {
    const name = key(item);
    if (!first.has(name)) first.set(name, item);
    const other = first.get(name);
    if (value(other) !== value(item)) yield [other, item];
  }
}

function* forks(checkpoints) {
  const key = ({ line, checkpoint }) => `${line} ${checkpoint.size}`;
  for (const [one, other] of clashes(checkpoints, key, (item) => hex(item.checkpoint.root))) {
    const { origin, size } = one.checkpoint;
    yield misconduct("fork", `two roots of ${origin} at size ${size}`, one.note, other.note);
  }
}

function* places(seen) {
  const kind = "two-entries-of-one-place";
  const byIndex = ({ line, index }) => `${line} ${index}`;
  for (const [one, other] of clashes(seen, byIndex, (item) => hex(item.leaf))) {
    yield misconduct(kind, `two entries at index ${one.index}`, one.note, other.note);
  }
  const bySeq = ({ line, entry }) => `${line} ${hex(entry.trail)} ${entry.seq}`;
  for (const [one, other] of clashes(seen, bySeq, (item) => `${hex(item.leaf)} ${item.index}`)) {
    const reason = `two entries with seq ${one.entry.seq} in trail ${hex(one.entry.trail)}`;
    yield misconduct(kind, reason, one.note, other.note);
  }
}

function* trails(seen, heads) {
  const pairs = [
    ...seen
      .filter((item) => item.subject !== null)
      .map(({ line, subject, entry, note }) => ({ line, subject, trail: hex(entry.trail), note })),
    ...heads.map(({ line, head, note }) => ({
      line,
      subject: head.subject,
      trail: hex(head.trail),
      note,
    })),
  ];
  const bySubject = (item) => `${item.line} ${item.subject}`;
  for (const [one, other] of clashes(pairs, bySubject, (item) => item.trail)) {
    const reason = `two trails of ${one.subject}`;
    yield misconduct("two-trails-of-one-subject", reason, one.note, other.note);
  }
  const byTrail = (item) => `${item.line} ${item.trail}`;
  for (const [one, other] of clashes(pairs, byTrail, (item) => item.subject)) {
    const reason = `trail ${one.trail} is of two subjects`;
    yield misconduct("two-subjects-of-one-trail", reason, one.note, other.note);
  }
}

// Orders by each of the parts, texts by code points.
function ordered(items, parts) {
  const compare = (one, other) => {
    if (one === other) return 0;
    return typeof one === "string" ? compareText(one, other) : one - other;
  };
  const keyed = items.map((item) => [parts(item), item]);
  keyed.sort(([a], [b]) => {
    for (let at = 0; at < a.length; at++) {
      const found = compare(a[at], b[at]);
      if (found) return found;
    }
    return 0;
  });
  return keyed.map(([, item]) => item);
}

function* chains(seen) {
  const inTrail = ordered(seen, ({ line, entry, index }) => [line, hex(entry.trail), entry.seq, index]);
  for (let at = 1; at < inTrail.length; at++) {
    const [one, other] = [inTrail[at - 1], inTrail[at]];
    if (one.line !== other.line || !equal(one.entry.trail, other.entry.trail)) continue;
    const [seq, next] = [one.entry.seq, other.entry.seq];
    if (other.index - one.index < next - seq) {
      const reason =
        `seq ${next} at index ${other.index} leaves no room for what follows ` +
        `seq ${seq} at index ${one.index}`;
      yield misconduct("order", reason, one.note, other.note);
    }
    if (next === seq + 1 && !equal(other.entry.prev, one.leaf)) {
      yield misconduct("broken-link", `seq ${next} does not name seq ${seq}`, one.note, other.note);
    }
  }
  const byIndex = ordered(seen, ({ line, index }) => [line, index]);
  for (let at = 1; at < byIndex.length; at++) {
    const [one, other] = [byIndex[at - 1], byIndex[at]];
    if (one.line === other.line && other.entry.at < one.entry.at) {
      const reason = `entry ${other.index} is older than entry ${one.index}`;
      yield misconduct("time-runs-back", reason, one.note, other.note);
    }
  }
}

function* shortHeads(heads) {
  const key = ({ line, head }) => [line, head.subject, hex(head.trail)];
  const sorted = ordered(heads, (item) => [...key(item), item.head.anchoredSize, item.head.count]);
  for (let at = 1; at < sorted.length; at++) {
    const [one, other] = [sorted[at - 1], sorted[at]];
    const [a, b] = [one.head, other.head];
    if (key(one).join(" ") !== key(other).join(" ")) continue;
    if (b.count < a.count) {
      const reason = `the trail of ${a.subject} became shorter`;
      yield misconduct("shorter-head", reason, one.note, other.note);
    } else if (a.anchoredSize === b.anchoredSize && a.count !== b.count) {
      const reason = `two lengths at size ${a.anchoredSize} for ${a.subject}`;
      yield misconduct("shorter-head", reason, one.note, other.note);
    } else if (a.count === b.count && !equal(a.lastLeaf, b.lastLeaf)) {
      yield misconduct("two-heads", `two last entries of ${a.subject}`, one.note, other.note);
    }
  }
}

// Place of the first of the items, which are in order of index, whose index is at least that.
function firstAtLeast(items, index) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle].index < index) low = middle + 1;
    else high = middle;
  }
  return low;
}

function* headsAgainstEntries(heads, seen) {
  // Where seq rises with index, an entry that a head contradicts is beside the head's size, or one
  // that is contradicts it too; where it does not, the entries contradict each other.
  const byTrail = new Map();
  for (const item of [...seen].sort((one, other) => one.index - other.index)) {
    const key = `${item.line} ${hex(item.entry.trail)}`;
    if (!byTrail.has(key)) byTrail.set(key, []);
    byTrail.get(key).push(item);
  }
  for (const { line, head, note } of heads) {
    const trail = byTrail.get(`${line} ${hex(head.trail)}`) ?? [];
    const at = firstAtLeast(trail, head.anchoredSize);
    for (const item of trail.slice(Math.max(at - 1, 0), at + 1)) {
      const reason = headContradiction(head, item.index, item.entry);
      if (reason) yield misconduct("head-against-entry", reason, note, item.note);
    }
  }
}
