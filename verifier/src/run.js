// Judging a dossier: the same verdicts, reasons and JSON as `provenance verify --json`.

import {
  closingCheckpoint,
  contradictedBy,
  judgeAnchor,
  judgeCover,
  judgeOrigins,
  named,
  NO_PROOF,
} from "./anchors.js";
import { hex } from "./bytes.js";
import { CaseOf } from "./case.js";
import { checkpointOf, LATE_ANCHOR_MS, LOCAL, ReceiptCheck } from "./check.js";
import { findMisconduct } from "./conduct.js";
import { Fault, guarded } from "./faults.js";
import { filesCheck, judgeContents, judgeFiles } from "./files.js";
import { about, judgeContainer, judgeFront } from "./front.js";
import { judgeSignature } from "./manifest.js";
import { parseTrailHead, splitNote } from "./notes.js";
import { Pace } from "./pace.js";
import { readDossier } from "./reading.js";
import { NOT_ERASED, Records } from "./records.js";
import { judgeTimestamps } from "./timestamps.js";
import { trailReports } from "./trails.js";
import { utc, verdict } from "./words.js";

const NO_TRUST = "no trust file was given";
const NO_TIMES =
  "every entry existed when the closing anchor's block was made; how long before, nobody vouches " +
  "for: name the hashes of the first anchors' blocks too";
const OPTIONAL = ["content", "status"];
const BY_FIRST_ANCHOR = ["anchor", "finality", "timing"];
const BY_STATEMENT = ["commitment", "trail"];
const PAST_TENSE = { corrects: "corrected", supersedes: "superseded", erases: "erased" };

const NOT_REFERRED =
  "nothing in its trail, all of which was given, corrects, supersedes or erases it";
const laterClosed = (index) =>
  `not known: entry ${index}, later in its trail, is withheld or erased, and may correct, ` +
  "supersede or erase it";

const notNamed = (origin) => `the trust file does not name the log ${origin}`;

// `blocks` are hashes that the verifier trusts, in lower-case hex, each behind `number:` or not.
export async function verifyDossier(blob, { trust, blocks, tell }) {
  const pace = new Pace(tell);
  let dossier;
  try {
    dossier = await readDossier(blob, pace, trust);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const { code, where, reason, offset } = error;
    const told = { code, where, reason };
    return { outcome: "INVALID", refused: offset === null ? told : { ...told, offset } };
  }
  if (dossier.halted) return judgeFront(dossier, trust);
  return new Judgement(dossier, trust, named(blocks), pace).report();
}

const worst = (outcomes) =>
  ["INVALID", "UNKNOWN"].find((outcome) => outcomes.includes(outcome)) ?? "VALID";

class Judgement {
  constructor(dossier, trust, vouches, pace) {
    this.dossier = dossier;
    this.pace = pace;
    this.trust = trust;
    this.vouches = dossier.proofs.linked(vouches);
    this.isStrange = dossier.proofs.strange(vouches);
    this.firsts = new Map();
  }

  async report() {
    const { receipts, manifest } = this.dossier;
    const items = [];
    for (const receipt of receipts) {
      items.push(await this.check(receipt));
      await this.pace.step("Checking entries", items.length, receipts.length);
    }
    const proven = items.filter(isPlaced).map(({ receipt, checkpoint }) => ({
      origin: checkpoint.origin,
      receipt,
    }));
    const trails = await trailReports(proven, this.trust, this.pace);
    this.addStatus(items, proven, trails);
    const misconduct = this.trust ? await findMisconduct(receipts, this.trust, this.pace) : [];
    const contents = await judgeContents(this.dossier, this.pace);
    const records = new Records(this.dossier);
    const between = () => this.pace.step("Comparing records", 1, 1);
    await between();
    const whole = this.whole(trails);
    const erasures = records.erasures(new Set(whole.values()));
    await between();
    const ofCase = new CaseOf(this.dossier, whole);
    const absent = records.withoutContent(contents);
    await between();
    for (const index of erasures.wrong) contents.set(index, ["INVALID", NOT_ERASED]);
    this.lower(items, contents);
    await between();
    const files = judgeFiles(this.dossier, records, items);
    const checks = [
      judgeContainer(this.dossier),
      verdict("signature", await guarded(() => judgeSignature(this.dossier, this.trust))),
      verdict("files", filesCheck(files, manifest, records)),
      verdict("closing", await guarded(() => this.closing())),
      verdict("history", this.history(items, trails)),
      ...(ofCase.finding ? [verdict("case", ofCase.finding)] : []),
      ...(await this.timestamps()),
    ];
    const reports = items.map(toJson);
    const outcome = misconduct.length
      ? "INVALID"
      : worst([
          ...checks.filter(isRequired).map((item) => item.outcome),
          ...files.filter((file) => !("state" in file)).map((file) => file.outcome),
          ...reports.map((item) => item.outcome),
          ...trails.map((trail) => trail.outcome).filter((found) => found === "INVALID"),
        ]);
    return {
      outcome,
      qualifications: [
        ...this.qualifications(items),
        ...absences(absent, erasures, items.length),
        ...ofCase.doubts(),
        ...ofCase.missing(),
        ...ofCase.strangers(),
      ],
      about: { ...about(this.dossier), entries: receipts.length },
      checks,
      files,
      receipts: reports,
      trails,
      misconduct,
    };
  }

  // Trails that the manifest lists and that are whole, by subject.
  whole(trails) {
    const subjects = new Set(this.dossier.manifest.subjects);
    const found = trails.filter(
      ({ subject, outcome }) => outcome === "VALID" && subjects.has(subject),
    );
    return new Map(found.map(({ subject, trail }) => [subject, trail]));
  }

  async check(receipt) {
    const { facts, unvouched } = this.anchor(receipt);
    const check = new ReceiptCheck(receipt, {
      trust: this.trust,
      facts,
      missing: unvouched || NO_PROOF,
    });
    const verdicts = await check.verdicts();
    const local = check.log?.local ?? false;
    return { receipt, facts, unvouched, verdicts, local, checkpoint: check.checkpoint };
  }

  anchor(receipt) {
    let checkpoint;
    try {
      checkpoint = checkpointOf(receipt.anchored);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return { facts: null, unvouched: error.message };
    }
    const key = `${checkpoint.origin} ${checkpoint.size} ${hex(checkpoint.root)}`;
    if (!this.firsts.has(key)) this.firsts.set(key, { checkpoint, count: 0 });
    this.firsts.get(key).count++;
    if (!this.trust) return { facts: null, unvouched: NO_TRUST };
    const log = this.trust.log(checkpoint.origin);
    if (!log) return { facts: null, unvouched: notNamed(checkpoint.origin) };
    return this.prove(receipt.anchored.anchor, log);
  }

  prove(claim, log) {
    const { trust, vouches, isStrange } = this;
    return this.dossier.proofs.anchor(claim, { log, trust, vouches, isStrange });
  }

  addStatus(items, proven, trails) {
    const whole = new Set(
      trails.filter((trail) => trail.outcome === "VALID").map((trail) => trail.trail),
    );
    const referring = new Map();
    // An erased entry may have corrected or superseded another as well as one that is withheld.
    const closed = new Map(
      proven
        .filter(({ receipt }) => !receipt.statement)
        .map(({ receipt }) => [hex(receipt.entry.trail), receipt.index]),
    );
    for (const { receipt } of proven) {
      for (const { rel, leaf } of receipt.statement?.refs ?? []) {
        if (!(rel in PAST_TENSE)) continue;
        const key = hex(leaf);
        if (!referring.has(key)) referring.set(key, new Set());
        referring.get(key).add(`${PAST_TENSE[rel]} by entry ${receipt.index}`);
      }
    }
    for (const { receipt, verdicts } of items) {
      const found = referring.get(hex(receipt.entry.leaf));
      if (found) set(verdicts, "status", "VALID", [...found].join("; "));
      else if (whole.has(hex(receipt.entry.trail))) {
        const last = closed.get(hex(receipt.entry.trail)) ?? -1;
        if (last > receipt.index) set(verdicts, "status", "UNKNOWN", laterClosed(last));
        else set(verdicts, "status", "VALID", NOT_REFERRED);
      }
    }
  }

  // Lowers verdicts to what is vouched for, and sets the content's.
  lower(items, contents) {
    for (const item of items) {
      const { receipt, verdicts, unvouched, facts } = item;
      const optional = new Set(OPTIONAL);
      for (const entry of verdicts) {
        if (!unvouched || !BY_FIRST_ANCHOR.includes(entry.check)) continue;
        if (entry.outcome === "VALID") {
          Object.assign(entry, { outcome: "UNKNOWN", reason: unvouched });
          optional.add(entry.check);
        } else if (!facts) optional.add(entry.check);
      }
      const { anchor } = receipt.anchored;
      if (receipt.entry.at < anchor.old_time - LATE_ANCHOR_MS) optional.delete("timing");
      if (receipt.state !== null) BY_STATEMENT.forEach((check) => optional.add(check));
      const found = contents.get(receipt.index);
      if (found) set(verdicts, "content", ...found);
      item.outcome = worst(
        verdicts
          .filter(({ check, outcome }) => outcome !== "UNKNOWN" || !optional.has(check))
          .map(({ outcome }) => outcome),
      );
    }
  }

  async timestamps() {
    const { timestamps, closing } = this.dossier;
    if (!timestamps.length) return [];
    const step = () => judgeTimestamps(timestamps, closingCheckpoint(closing), this.trust);
    return [verdict("timestamps", await guarded(step))];
  }

  history(items, trails) {
    const { subjects } = this.dossier.manifest;
    const found = wholeness(subjects, trails);
    if (found) return found;
    // Whole trails as of an older size would hide what was logged before the closing anchor.
    const closing = this.dossier.closing.anchor.size;
    const sizes = new Map();
    for (const { receipt, verdicts } of items) {
      const isSigned = verdicts.find((item) => item.check === "trail").outcome === "VALID";
      if (receipt.trailHead === null || !isSigned) continue;
      const head = parseTrailHead(splitNote(receipt.trailHead).text);
      sizes.set(head.subject, Math.max(sizes.get(head.subject) ?? 0, head.anchoredSize));
    }
    for (const subject of subjects) {
      const size = sizes.get(subject) ?? 0;
      if (size < closing) {
        return [
          "UNKNOWN",
          `${subject}: whole as of size ${size} only; the closing anchor is of ${closing}`,
        ];
      }
    }
    return ["VALID", `whole and gapless trails: ${subjects.length}`];
  }

  async closing() {
    const { closing, receipts, proofs, manifest } = this.dossier;
    const firsts = [...this.firsts.values()];
    const [outcome, cover] = judgeCover(closing, firsts, this.trust);
    if (outcome !== "VALID") return [outcome, cover];
    if (firsts.reduce((sum, { count }) => sum + count, 0) !== receipts.length) {
      return ["INVALID", "an entry has no checkpoint that could be read"];
    }
    const wrong = judgeOrigins(closing, firsts, manifest.origins);
    if (wrong) return ["INVALID", wrong];
    if (!this.trust) return ["UNKNOWN", NO_TRUST];
    const { origin } = closingCheckpoint(closing);
    const log = this.trust.log(origin);
    if (!log) return ["UNKNOWN", notNamed(origin)];
    const contradicted = proofs.contradicted(this.vouches);
    if (contradicted !== null) return ["INVALID", contradictedBy(contradicted)];
    const { facts, unvouched } = this.prove(closing.anchor, log);
    // When the log stood at the size before is not what the closing anchor is for.
    const isVouched = facts && this.vouches.has(hex(facts.record.block_hash));
    const [found, reason] = await judgeAnchor(closing, log, facts, isVouched ? "" : unvouched);
    if (found !== "VALID") return [found, reason];
    return [found, `${cover}; ${reason}, ${utc(facts.record.block_time)}`];
  }

  qualifications(items) {
    const found = [];
    if (items.some((item) => item.local)) found.push(LOCAL);
    if (items.some((item) => item.unvouched)) found.push(NO_TIMES);
    const absent = items.filter((item) => item.receipt.state !== null).length;
    if (absent) {
      found.push(
        `${absent} of ${items.length} entries are withheld or erased: place and order only`,
      );
    }
    return found;
  }
}

function absences({ count, total }, { unproven }, entries) {
  const found = [];
  if (count) {
    found.push(
      `content of ${count} of ${total} opened records is not in it: ` +
        "what their statements say is proven",
    );
  }
  if (unproven.length) {
    found.push(
      `${unproven.length} of ${entries} entries are called erased, and no erasure record in it ` +
        "names them: not proven",
    );
  }
  return found;
}

// Nobody has to believe a time-stamping authority, or what a manifest says of a case.
const isRequired = ({ check, outcome }) =>
  !["case", "timestamps"].includes(check) || outcome !== "UNKNOWN";

const set = (verdicts, check, outcome, reason) =>
  Object.assign(
    verdicts.find((item) => item.check === check),
    { outcome, reason },
  );

function isPlaced({ verdicts }) {
  const outcome = (check) => verdicts.find((item) => item.check === check).outcome;
  if (outcome("anchor") === "INVALID") return false;
  return outcome("inclusion") === "VALID" && outcome("checkpoint") === "VALID";
}

function wholeness(subjects, trails) {
  const bySubject = new Map(trails.map((trail) => [trail.subject ?? "", trail]));
  for (const outcome of ["INVALID", "UNKNOWN"]) {
    for (const subject of subjects) {
      const trail = bySubject.get(subject);
      if (!trail && outcome === "UNKNOWN") {
        return [outcome, `${subject}: no proven entry is of its trail`];
      }
      if (trail?.outcome === outcome) return [outcome, `${subject}: ${trail.reason}`];
    }
  }
  return null;
}

function toJson({ receipt, verdicts, outcome, local }) {
  const value = { name: `entry ${receipt.index}`, index: receipt.index, outcome, verdicts };
  if (local) value.qualification = LOCAL;
  if (receipt.statement) value.subject = receipt.statement.subject;
  return value;
}
