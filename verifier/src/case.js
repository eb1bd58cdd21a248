// The claims case that a manifest names, held against the acts that the dossier opens
// (provenance.verify.dossier.case).

import { hex } from "./bytes.js";
import { Fault, malformed } from "./faults.js";
import { parseCanonical } from "./json.js";
import { Members } from "./members.js";
import { checkSubject } from "./statement.js";
import { UNPROVEN } from "./words.js";

const CASE = "case";
const ERASURE = "erasure";
const LIMITS = { maxBytes: 128 << 10, maxDepth: 32 };
const MAX_SHIPMENTS = 16;
const NAMED = 4;
const CLOSED = "closed";
const STATES = ["opened", "collecting", "submitted", "accepted", "rejected", "withdrawn", "closed"];

export class CaseOf {
  // `whole` leads from the dossier's subjects to their trails that are whole, in hex.
  constructor({ manifest, receipts, payloads }, whole) {
    this.manifest = manifest;
    this.receipts = receipts;
    this.whole = whole;
    this.opened = receipts.filter((receipt) => receipt.statement);
    this.acts = this.opened.flatMap((receipt) => {
      const data = payloads.get(receipt.index);
      return receipt.statement.kind === CASE && data ? readAct(receipt, data) : [];
    });
    // Outcome, reason, and what must be said of a dossier that is VALID for all that.
    this.finding = manifest.case ? this.judge(manifest.case) : null;
  }

  judge({ id, type, state }) {
    const hasActs = this.opened.some(({ statement }) => statement.kind === CASE);
    if (hasActs && !this.manifest.subjects.includes(id)) {
      return ["INVALID", `${id} is not a subject of it, and acts of a case are in it`];
    }
    const acts = this.acts.filter((act) => act.statement.subject === id);
    const misplaced = this.misplaced(id) || this.misnumbered(id, acts) || movedOn(acts);
    if (misplaced) return ["INVALID", misplaced];
    const opening = acts.find((act) => act.claim !== null);
    if (!opening) return ["UNKNOWN", `${UNPROVEN}: the act that opens it is not shown`];
    if (opening.claim !== type) {
      return ["INVALID", `it is of type ${opening.claim}, says entry ${opening.index}`];
    }
    if (!this.showsAll(id)) return ["UNKNOWN", `${UNPROVEN}: not all of its acts are shown`];
    const stray = this.stray(id, acts);
    if (stray) return ["INVALID", `entry ${stray.index} is an act of it and not in its trail`];
    const last = acts.filter((act) => act.to !== null).at(-1) ?? opening;
    const found = last.to ?? STATES[0];
    if (found !== state) return ["INVALID", `its state is ${found}, as its acts say`];
    const since = found === CLOSED ? [] : this.erasedSince(last);
    if (since.length) {
      const doubt =
        `the state of the case is ${found} as far as is known, for what was erased since may have ` +
        `moved it on: ${listed(since)}`;
      return ["UNKNOWN", `${UNPROVEN}: ${doubt}`, doubt];
    }
    return ["VALID", `type and state follow from its acts: ${acts.length}`];
  }

  // What must be said of a state that an erased act may have changed.
  doubts() {
    const doubt = this.finding?.[2];
    return doubt ? [doubt] : [];
  }

  // Entries after an act in its whole trail that were erased: any may have been an act, whatever
  // numbers the acts around it have.
  erasedSince({ statement, place }) {
    const trail = this.whole.get(statement.subject);
    const isSince = ({ state, entry }) =>
      state === "erased" && entry.seq > place && hex(entry.trail) === trail;
    return this.receipts.filter(isSince).map(({ index }) => `entry ${index}`);
  }

  // What must be said of shipments that the case is about, and that are left out.
  missing() {
    const { case: named } = this.manifest;
    const subjects = new Set(this.manifest.subjects);
    const about = this.acts
      .filter((act) => subjects.has(act.case) || act.case === named?.id)
      .flatMap((act) => act.shipments);
    const missing = [...new Set(about)].filter((shipment) => !subjects.has(shipment));
    if (!missing.length) return [];
    return [`the case is about shipments whose trails are not in it: ${listed(missing)}`];
  }

  // What must be said of entries in the trail of the case that are no acts of it. Why they hide
  // none: see provenance.verify.dossier.case.
  strangers() {
    const { case: named } = this.manifest;
    const found = named ? this.others(named.id).map(({ index }) => `entry ${index}`) : [];
    if (!found.length) return [];
    return [
      "what is of another kind in the trail of the case is no act of it, and changes nothing of " +
        `its type or state: ${listed(found)}`,
    ];
  }

  // Opened entries in the trail of a case that are of no kind of its own.
  others(id) {
    return this.opened.filter(
      ({ statement }) => statement.subject === id && ![CASE, ERASURE].includes(statement.kind),
    );
  }

  // Neither can be brought about by a submitter: a case has no name before the act that opens it,
  // and the salt of a record, which is of one kind, is used once.
  misplaced(id) {
    const acts = new Map();
    for (const { index, statement } of this.opened) {
      const payload = hex(statement.payload);
      if (statement.kind === CASE && !acts.has(payload)) acts.set(payload, index);
    }
    for (const { index, entry, statement } of this.others(id)) {
      if (entry.seq === 0) return `entry ${index} begins its trail and is no act of a case`;
      const act = acts.get(hex(statement.payload));
      if (act !== undefined) return `entry ${index} is no act, and entry ${act} of its record is one`;
    }
    return null;
  }

  // Why an act in the trail of the case is not what stands in its place; empty if all are. Between
  // two acts there are as many numbers as acts that are not read, and no more than entries that may
  // be acts: those that are opened as another kind are none. Nothing stands before the one that opens
  // it, so that no other can take the place of one that was erased.
  misnumbered(id, acts) {
    const read = new Map(acts.map((act) => [act.index, act]));
    let [seq, place, unread, others] = [-1, -1, 0, 0];
    for (const { index, statement } of this.opened) {
      if (statement.subject !== id) continue;
      const act = read.get(index);
      if (!act) {
        if (statement.kind === CASE) unread++;
        else others++;
        continue;
      }
      const between = act.seq - seq - 1;
      const room = act.place - place - 1 - others;
      const fits = unread <= between && between <= room && (act.seq === 0) === (act.place === 0);
      if (act.case !== id || !fits) {
        return `entry ${index} is act ${act.seq} of ${act.case}, and not in its place`;
      }
      const wrong = strange(act);
      if (wrong) return wrong;
      [seq, place, unread, others] = [act.seq, act.place, 0, 0];
    }
    return "";
  }

  // An act of the case of which no entry is in its trail.
  stray(id, acts) {
    const own = new Set(acts.map(({ statement }) => hex(statement.payload)));
    return this.acts.find((act) => act.case === id && !own.has(hex(act.statement.payload)));
  }

  showsAll(id) {
    const trail = this.whole.get(id);
    const read = new Set(this.acts.map((act) => act.index));
    const isShown = ({ state, index, statement }) =>
      state === "erased" || read.has(index) || (statement && statement.kind !== CASE);
    return (
      trail !== undefined &&
      this.receipts.filter(({ entry }) => hex(entry.trail) === trail).every(isShown)
    );
  }
}

function listed(names) {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : "";
  return names.slice(0, NAMED).join(", ") + more;
}

// The act, or none where its payload is not spelled as one.
function readAct({ index, statement, entry }, data) {
  try {
    const members = new Members(parseCanonical(data, LIMITS));
    members.version();
    const kind = word(members, "act");
    return [
      {
        index,
        place: entry.seq,
        statement,
        case: checkSubject(members.text("case"), "/case"),
        seq: members.integer("seq"),
        shipments: members.array("shipments", MAX_SHIPMENTS).map(shipment),
        claim: kind === "opened" ? word(members, "claim") : null,
        to: kind === "state_changed" ? word(members, "to") : null,
      },
    ];
  } catch (error) {
    if (error instanceof Fault) return [];
    throw error;
  }
}

// Why an act is none of a case; empty if it is one.
function strange({ index, seq, claim, to }) {
  if ((claim === null) === (seq === 0)) {
    const opens = claim === null ? "does not open it" : "opens it";
    return `entry ${index} is act ${seq} of the case and ${opens}`;
  }
  if (to === null || STATES.includes(to)) return "";
  return `entry ${index} moves the case to ${to}, which is no state of one`;
}

// Why an act moves the case on after it was closed; empty if none does.
function movedOn(acts) {
  const moves = acts.filter(({ to }) => to !== null);
  const closed = moves.findIndex(({ to }) => to === CLOSED);
  if (closed < 0 || closed === moves.length - 1) return "";
  const [before, act] = moves.slice(closed);
  return `entry ${act.index} moves the case on, which entry ${before.index} closed`;
}

function word(members, name) {
  const text = members.text(name);
  if (!/^[a-z_]{1,64}$/.test(text)) throw malformed("bad-value", "is no word", members.at(name));
  return text;
}

function shipment(item) {
  if (typeof item !== "string") throw malformed("wrong-type", "expected a string", "/shipments");
  return checkSubject(item, "/shipments");
}
