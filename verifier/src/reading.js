// Reading a dossier: its parts, held against container and manifest, before anything is judged.

import { ChainProofs, decodeClosing, MAX_CLOSING, MAX_LINE } from "./anchors.js";
import { concat, newSha256, parseBase64, utf8 } from "./bytes.js";
import { Container } from "./container.js";
import { Fault, malformed, refused } from "./faults.js";
import { frontHolds } from "./front.js";
import { parseCanonical } from "./json.js";
import {
  decodeManifest, decodeSignature, DOCUMENT, FIXED_NAMES, MANIFEST, MAX_MANIFEST, MAX_SIGNATURE,
  SIGNATURE,
} from "./manifest.js"; // prettier-ignore
import { Members } from "./members.js";
import { decodeReceipt } from "./statement.js";
import { decodeTimestamp, MAX_STAMP_LINE, MAX_TIMESTAMPS } from "./timestamps.js";

const MAX_ENTRIES = 1 << 17;
const MAX_RECEIPT = 4 << 20;
const MAX_PAYLOAD_LINE = 12 * (1 << 20) + 1024;
const MALFORMED = "is not what its format allows";
const MAGICS = [
  [0x50, 0x4b, 3, 4], [0x50, 0x4b, 5, 6], [0x52, 0x61, 0x72, 0x21, 0x1a, 7],
  [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], [0x1f, 0x8b], [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], [0x28, 0xb5, 0x2f, 0xfd],
]; // prettier-ignore
const ARCHIVES = [
  "application/epub+zip", "application/gzip", "application/vnd.etsi.asic-e+zip",
  "application/vnd.etsi.asic-s+zip", "application/vnd.rar", "application/x-7z-compressed",
  "application/x-bzip2", "application/x-tar", "application/x-xz", "application/zip",
  "application/zstd",
]; // prettier-ignore
const ARCHIVE_FAMILIES = [
  "application/vnd.openxmlformats-officedocument.",
  "application/vnd.oasis.opendocument.",
];

// Signature and hashes are looked at before anything of the evidence is parsed: where they do not
// hold, nobody answers for what is inside, and what is returned is `halted`.
export async function readDossier(blob, pace, trust) {
  const container = await Container.open(blob);
  const front = await readFront(container, blob, pace);
  if (!(await frontHolds(front, trust))) return { ...front, halted: true };
  return { ...front, ...(await readEvidence(container, front.manifest, pace)) };
}

async function readPart(container, name, limit, decode) {
  const member = container.member(name);
  const data = await container.read(member, limit);
  return [data, inside(name, member, () => decode(data))];
}

async function readFront(container, blob, pace) {
  const read = (name, limit, decode) => readPart(container, name, limit, decode);
  const [manifestBytes, manifest] = await read(MANIFEST, MAX_MANIFEST, decodeManifest);
  const [, signature] = await read(SIGNATURE, MAX_SIGNATURE, decodeSignature);
  checkMembers(container, manifest);
  const hashes = await hash(container, manifest, pace);
  const members = container.members.length;
  return { size: blob.size, members, manifest, manifestBytes, signature, hashes };
}

async function readEvidence(container, manifest, pace) {
  const proofs = new ChainProofs();
  const lines = { container, manifest, pace };
  await eachLine(lines, "anchors", MAX_LINE, (line) => proofs.add(line));
  const receipts = [];
  await eachLine(lines, "receipts", MAX_RECEIPT, (line) => {
    const receipt = decodeReceipt(line);
    if (receipt.index <= (receipts.at(-1)?.index ?? -1) || receipts.length >= MAX_ENTRIES) {
      throw malformed("bad-value", "entries do not come in order of index");
    }
    receipts.push(receipt);
  });
  if (!receipts.length) {
    const member = container.member(FIXED_NAMES.receipts);
    inside(member.name, member, () => {
      throw malformed("bad-value", "there is no receipt");
    });
  }
  const [, closing] = await readPart(container, FIXED_NAMES.closing, MAX_CLOSING, (data) =>
    decodeClosing(data, receipts.length),
  );
  const timestamps = [];
  await eachLine(lines, "timestamps", MAX_STAMP_LINE, (line) => {
    const stamp = decodeTimestamp(line);
    const last = timestamps.at(-1)?.checkpoint.size ?? -1;
    if (stamp.checkpoint.size <= last || timestamps.length >= MAX_TIMESTAMPS) {
      throw malformed("bad-value", "checkpoints do not come in order of size");
    }
    timestamps.push(stamp);
  });
  const payloads = new Map();
  let last = -1;
  await eachLine(lines, "payloads", MAX_PAYLOAD_LINE, (line) => {
    const [record, data] = readPayload(line);
    if (record <= last || payloads.size >= receipts.length) {
      throw malformed("bad-value", "records do not come in order of index");
    }
    last = record;
    payloads.set(record, data);
  });
  return { proofs, closing, receipts, payloads, timestamps };
}

// A defect inside a part, told with the part's name and place.
function inside(where, member, step) {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof Fault) || error.container || error.code === "bad-checksum") throw error;
    const reason = error.family === "format" ? MALFORMED : error.message;
    throw new Fault(error.family, error.code, reason, { where, offset: member.start });
  }
}

function checkMembers(container, manifest) {
  const present = manifest.files.filter((file) => file.state === null).map((file) => file.name);
  const found = container.members
    .map((member) => member.name)
    .filter((name) => name !== MANIFEST && name !== SIGNATURE);
  for (const name of present) {
    if (!found.includes(name)) {
      throw refused("bad-members", "is in the manifest and not in the file", { where: name });
    }
  }
  for (const name of found) {
    if (!present.includes(name)) {
      const { offset } = container.member(name);
      throw refused("bad-members", "is not in the manifest", { where: name, offset });
    }
  }
}

async function hash(container, manifest, pace) {
  const hashes = new Map();
  const total = container.members.reduce((sum, member) => sum + member.size, 0);
  let done = 0;
  for (const file of manifest.files) {
    if (file.state !== null) continue;
    const member = container.member(file.name);
    const digest = newSha256();
    let first = new Uint8Array();
    for await (const chunk of container.chunks(member)) {
      if (!first.length) first = chunk.slice(0, 512);
      digest.update(chunk);
      done += chunk.length;
      await pace.step("Hashing", done, total);
    }
    if (file.role === DOCUMENT) checkArchive(file, first, member);
    hashes.set(file.name, { sha256: digest.digest(), size: member.size });
  }
  return hashes;
}

function checkArchive({ name, mediaType }, first, member) {
  const isArchive =
    MAGICS.some((magic) => magic.every((byte, at) => first[at] === byte)) ||
    String.fromCharCode(...first.slice(257, 262)) === "ustar";
  const isDeclared =
    ARCHIVES.includes(mediaType) || ARCHIVE_FAMILIES.some((family) => mediaType.startsWith(family));
  if (isArchive && !isDeclared) {
    throw refused(
      "undeclared-archive",
      "is an archive, and the manifest says that it is something else",
      { where: name, offset: member.start },
    );
  }
}

async function eachLine({ container, manifest, pace }, role, limit, take) {
  if (!manifest.files.some((file) => file.role === role)) return;
  const member = container.member(FIXED_NAMES[role]);
  let number = 0;
  let done = 0;
  for await (const line of container.lines(member, limit)) {
    number++;
    inside(`${member.name} line ${number}`, member, () => take(line));
    done += line.length + 1;
    await pace.step(`Reading ${role}`, done, member.size);
  }
}

function readPayload(line) {
  const limits = { maxBytes: MAX_PAYLOAD_LINE, maxDepth: 1, maxValues: 16 };
  const members = new Members(parseCanonical(line, limits));
  const kind = members.has("text") ? "text" : "base64";
  members.only(["record", kind]);
  const body = members.text(kind);
  const data = kind === "text" ? utf8(body) : parseBase64(body, "/base64");
  return [members.integer("record"), concat(data)];
}
