// Refusals and failed proofs. `family` is "format" for bytes that break a format, "proof" for a
// proof or signature that does not prove what it should; the codes are those of docs/formats.md.

const MAX_WHERE = 256;

// A place can hold names out of the input: what of it is told, in code points.
function cut(where) {
  const letters = where.length < MAX_WHERE ? [] : [...where.slice(0, 2 * MAX_WHERE)];
  return letters.length < MAX_WHERE ? where : `${letters.slice(0, MAX_WHERE - 1).join("")}…`;
}

export class Fault extends Error {
  constructor(family, code, message, { where: place = "", offset = null } = {}) {
    const where = cut(place);
    super(where ? `${where}: ${message}` : message);
    this.family = family;
    this.code = code;
    this.reason = message;
    this.where = where;
    this.offset = offset;
  }
}

export const malformed = (code, message, where = "") => new Fault("format", code, message, { where });
export const unproven = (code, message) => new Fault("proof", code, message);
export const refused = (code, message, place = {}) =>
  Object.assign(new Fault("format", code, message, place), { container: true });

// Verdict of a step that may throw one of ours; anything else is a fault of this page.
export async function guarded(step) {
  try {
    return await step();
  } catch (error) {
    if (error instanceof Fault) return ["INVALID", error.message];
    throw error;
  }
}
