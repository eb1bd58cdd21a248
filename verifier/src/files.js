// Files and payloads, held against the manifest and against what was recorded.

import { equal, hex, sha256 } from "./bytes.js";
import { content } from "./check.js";
import { Fault } from "./faults.js";
import { mismatch } from "./front.js";
import { DOCUMENT } from "./manifest.js";
import { UNPROVEN, utc } from "./words.js";

// Content of each entry, by index, whose payload the dossier has.
export async function judgeContents({ manifest, hashes, payloads, receipts }, pace) {
  const documents = new Map(
    manifest.files
      .filter((file) => file.role === DOCUMENT && file.state === null)
      .map((file) => [hex(hashes.get(file.name).sha256), hashes.get(file.name).size]),
  );
  const events = new Map([...payloads.values()].map((data) => [hex(sha256(data)), data]));
  const found = new Map();
  let done = 0;
  for (const receipt of receipts) {
    await pace.step("Comparing payloads", done++, receipts.length);
    if (!receipt.payload || !receipt.statement) continue;
    const key = hex(receipt.payload.sha256);
    if (events.has(key)) found.set(receipt.index, guardedContent(receipt, events.get(key)));
    else if (documents.has(key)) {
      found.set(receipt.index, documentContent(receipt, documents.get(key)));
    }
  }
  return found;
}

function guardedContent(receipt, payload) {
  try {
    return content(receipt, payload);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return ["INVALID", error.message];
  }
}

function documentContent({ statement }, size) {
  if (statement.payloadSize !== size) {
    return [
      "INVALID",
      `the payload has ${size} bytes; the statement says ${statement.payloadSize}`,
    ];
  }
  return ["VALID", "the payload is, byte for byte, the one that was recorded"];
}

// One report for each line of the manifest.
export function judgeFiles(dossier, records, items) {
  const lines = new Lines(dossier, records, items);
  return dossier.manifest.files.map((file) => {
    const [outcome, reason] = lines.judge(file);
    return { ...file.json, outcome, reason };
  });
}

class Lines {
  constructor(dossier, records, items) {
    this.dossier = dossier;
    this.records = records;
    this.byIndex = new Map(items.map((item) => [item.receipt.index, item]));
    this.listed = new Map();
  }

  judge(file) {
    if (file.state === null) {
      const wrong = mismatch(this.dossier, file);
      if (wrong) return ["INVALID", wrong];
    }
    if (file.role === DOCUMENT) return this.document(file);
    return file.role === "payloads" ? this.payloads() : ["VALID", "as the manifest says"];
  }

  document(file) {
    const item = this.byIndex.get(file.record);
    if (!item) return ["INVALID", `there is no receipt of entry ${file.record}`];
    const first = this.records.firstOf(file.record);
    if (this.listed.has(first)) {
      return ["INVALID", `${this.listed.get(first)} is of the same record`];
    }
    this.listed.set(first, file.name);
    const { receipt, outcome, verdicts } = item;
    const wrong = contradiction(file, receipt);
    if (wrong) return ["INVALID", wrong];
    const said = `recorded as entry ${file.record}, ${utc(receipt.entry.at)}`;
    const found = verdicts.find(({ check }) => check === "content");
    if (file.state === "erased" && found.outcome === "INVALID") {
      return [found.outcome, found.reason];
    }
    if (file.state !== null) return ["UNKNOWN", `${file.state}; ${said}${unproven(receipt)}`];
    if (outcome === "VALID") return [outcome, `byte for byte what was ${said}`];
    return [outcome, `${said}, which is ${outcome}`];
  }

  payloads() {
    const { payloads } = this.dossier;
    for (const [record, data] of payloads) {
      const opening = this.byIndex.get(record)?.receipt.payload;
      if (!opening || !equal(opening.sha256, sha256(data))) {
        return ["INVALID", `the payload of entry ${record} is not what was recorded`];
      }
    }
    return ["VALID", `${payloads.size} payloads, each the one that was recorded`];
  }
}

// Why a document's line does not fit the entry that it names; empty if it does.
function contradiction(file, { statement, payload, state }) {
  const entry = `entry ${file.record}`;
  if (statement && statement.kind !== DOCUMENT) {
    return `${entry} was recorded as another kind: ${statement.kind}`;
  }
  if (file.state === null && !(payload && equal(payload.sha256, file.sha256))) {
    return `it is not what was recorded as ${entry}`;
  }
  if (!statement) {
    return state === file.state ? "" : `it is called ${file.state}, and ${entry} ${state}`;
  }
  if (statement.type !== file.code) return `${entry} was recorded with another code`;
  if (statement.mediaType !== file.mediaType) return `${entry} was recorded with another media type`;
  return "";
}

// What nothing but the manifest says of a document whose statement is not open.
const unproven = ({ statement }) => (statement ? "" : `; what it is: ${UNPROVEN}`);

export function filesCheck(files, manifest, records) {
  const wrong = files.find((file) => file.outcome === "INVALID");
  if (wrong) return ["INVALID", `${wrong.name}: ${wrong.reason}`];
  const unlisted = records.unlisted();
  if (unlisted !== null) {
    return [
      "INVALID",
      `entry ${unlisted} was recorded as a document, and the manifest has no line for it`,
    ];
  }
  const present = manifest.files.filter((file) => file.state === null).length;
  const absent = manifest.files.length - present;
  const said = absent ? `; ${absent} withheld or erased` : "";
  return ["VALID", `${present} files have the size and SHA-256 that the manifest says${said}`];
}

