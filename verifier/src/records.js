// Records: which entries are of one, and what must be there or told of each
// (provenance.verify.dossier.records).

import { hex } from "./bytes.js";
import { DOCUMENT } from "./manifest.js";

export const NOT_ERASED = "it is called erased, and nothing in its whole trail erases it";

// What the statements of one record's entries have in common: all but subject and refs.
const shared = ({ kind, submitter, mediaType, payload, payloadSize, type, ...rest }) =>
  JSON.stringify([
    kind, submitter, mediaType, hex(payload), payloadSize, type,
    rest.occurredAt, rest.context && hex(rest.context), rest.fieldsRoot && hex(rest.fieldsRoot),
  ]); // prettier-ignore

export class Records {
  constructor({ manifest, receipts }) {
    this.receipts = receipts;
    this.lines = manifest.files.filter((file) => file.role === DOCUMENT);
    this.byIndex = new Map(receipts.map((receipt) => [receipt.index, receipt]));
    this.groups = new Map();
    for (const receipt of receipts) {
      if (!receipt.statement) continue;
      const key = shared(receipt.statement);
      if (!this.groups.has(key)) this.groups.set(key, []);
      this.groups.get(key).push(receipt);
    }
  }

  // Index of the first entry in the dossier of the record that an entry is of.
  firstOf(index) {
    const statement = this.byIndex.get(index)?.statement;
    return statement ? this.groups.get(shared(statement))[0].index : index;
  }

  // First entry of a document that the manifest passes over, or null. A document that belongs to
  // other parcels too may begin with an entry that its reader does not get, and its line with that.
  unlisted() {
    const listed = new Set(this.lines.map(({ record }) => this.firstOf(record)));
    for (const group of this.groups.values()) {
      const [first] = group;
      if (first.statement.kind !== DOCUMENT || listed.has(first.index)) continue;
      const isFirst = first.index === 0 || Boolean(this.byIndex.get(first.index - 1)?.statement);
      if (isFirst || group.some((receipt) => receipt.payload)) return first.index;
    }
    return null;
  }

  // How many opened records have no content, and how many there are.
  withoutContent(found) {
    const groups = [...this.groups.values()];
    const absent = groups.filter((group) => group.every((receipt) => !found.has(receipt.index)));
    return { count: absent.length, total: groups.length };
  }

  // Entries that are called erased and that no erasure record names: `wrong` those of which it can
  // be seen that none does, in a whole trail of which no later entry is withheld.
  erasures(whole) {
    const named = new Set();
    const withheld = new Map();
    for (const { statement, state, entry, index } of this.receipts) {
      if (state === "withheld") withheld.set(hex(entry.trail), index);
      if (statement?.kind !== "erasure") continue;
      for (const { rel, leaf } of statement.refs) if (rel === "erases") named.add(hex(leaf));
    }
    const lines = new Set(
      this.lines.filter((file) => file.state === "erased").map((file) => file.record),
    );
    const found = { wrong: [], unproven: [] };
    for (const { state, entry, index } of this.receipts) {
      if (state !== "erased" && !lines.has(index)) continue;
      if (named.has(hex(entry.leaf))) continue;
      const trail = hex(entry.trail);
      const isShown = whole.has(trail) && (withheld.get(trail) ?? -1) < index;
      (isShown ? found.wrong : found.unproven).push(index);
    }
    return found;
  }
}
