// Time stamps of others over checkpoints (RFC 3161). Their tokens are not checked here: that takes
// certificates and their rules. What is checked is that each stamped checkpoint is one of the log's
// and that the closing one extends it.

import { parseBase64 } from "./bytes.js";
import { malformed } from "./faults.js";
import { parseCanonical } from "./json.js";
import { Members } from "./members.js";
import { openNote, parseCheckpoint, splitNote } from "./notes.js";
import { verifyConsistency } from "./tree.js";

const MAX_TOKEN = 1 << 16;
export const MAX_TIMESTAMPS = 4096;
const MAX_NOTE = 128 * 1024;
const MAX_PATH = 64;
export const MAX_STAMP_LINE = 2 * MAX_TOKEN + 6 * MAX_NOTE + 100 * MAX_PATH;

export function decodeTimestamp(line) {
  const members = new Members(parseCanonical(line, { maxBytes: MAX_STAMP_LINE, maxDepth: 2, maxValues: 128 }));
  members.only(["checkpoint", "proof", "token"]);
  const token = parseBase64(members.text("token"), "/token");
  if (token.length > MAX_TOKEN) {
    throw malformed("too-large", `has more than ${MAX_TOKEN} bytes`, "/token");
  }
  const note = members.text("checkpoint");
  const proof = members.hashes("proof", MAX_PATH);
  return { note, proof, checkpoint: parseCheckpoint(splitNote(note, "checkpoint").text) };
}

export async function judgeTimestamps(timestamps, last, trust) {
  for (const { checkpoint, proof } of timestamps) {
    verifyConsistency({
      old: checkpoint.size,
      size: last.size,
      proof,
      oldRoot: checkpoint.root,
      root: last.root,
    });
  }
  if (!trust) return ["UNKNOWN", "no trust file was given"];
  for (const { note, checkpoint } of timestamps) {
    const log = trust.log(checkpoint.origin);
    if (!log || !trust.lineage(checkpoint.origin).includes(last.origin)) {
      return ["INVALID", "a stamped checkpoint is of another log"];
    }
    await openNote(note, log.keys, "checkpoint");
  }
  const count = `${timestamps.length} time stamp${timestamps.length > 1 ? "s" : ""}`;
  return [
    "UNKNOWN",
    `${count} of a time-stamping authority, not checked here: give the command line the ` +
      "certificate of one that you trust (--tsa)",
  ];
}
