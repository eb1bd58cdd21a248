// The front of a dossier: its list of parts, the signature over it, and what each part is
// (provenance.verify.dossier.front).

import { equal, hex, sha256 } from "./bytes.js";
import { guarded } from "./faults.js";
import { judgeSignature } from "./manifest.js";
import { verdict } from "./words.js";

const EVIDENCE = ["anchors", "closing", "payloads", "receipts", "timestamps"];
const STOPPED = "nothing but signature, sizes and hashes was looked at: they do not hold";
const NOT_READ = "not looked at";

// Whether somebody answers for what is inside.
export async function frontHolds(front, trust) {
  const [outcome] = await guarded(() => judgeSignature(front, trust));
  const listed = front.manifest.files.filter(({ role }) => EVIDENCE.includes(role));
  return outcome !== "INVALID" && !listed.some((file) => mismatch(front, file));
}

export const judgeContainer = ({ members, size }) =>
  verdict("container", [
    "VALID",
    `${members} members, ${size} bytes, each where the listing leads to`,
  ]);

// Why a part that is there is not the one that is listed; empty if it is.
export function mismatch({ hashes }, file) {
  const { sha256: digest, size } = hashes.get(file.name);
  if (size !== file.size) return `has ${size} bytes; the manifest says ${file.size}`;
  return equal(digest, file.sha256) ? "" : "its SHA-256 is not the one that the manifest says";
}

export function about({ manifest, manifestBytes }) {
  const told = {
    created_at: manifest.createdAt,
    origins: manifest.origins,
    subjects: manifest.subjects,
    manifest_sha256: hex(sha256(manifestBytes)),
  };
  return manifest.case ? { ...told, case: manifest.case } : told;
}

// Report of a dossier whose front does not hold.
export async function judgeFront(front, trust) {
  const files = front.manifest.files.map((file) => {
    const wrong = file.state === null ? mismatch(front, file) : "";
    return { ...file.json, outcome: wrong ? "INVALID" : "UNKNOWN", reason: wrong || NOT_READ };
  });
  const wrong = files.find(({ outcome }) => outcome === "INVALID");
  const found = wrong ? ["INVALID", `${wrong.name}: ${wrong.reason}`] : ["UNKNOWN", NOT_READ];
  return {
    outcome: "INVALID",
    qualifications: [STOPPED],
    about: about(front),
    checks: [
      judgeContainer(front),
      verdict("signature", await guarded(() => judgeSignature(front, trust))),
      verdict("files", found),
    ],
    files,
    receipts: [],
    trails: [],
    misconduct: [],
  };
}
