// Readers of JSON members that name the member when it is not what the format allows.

import { parseHex } from "./bytes.js";
import { malformed } from "./faults.js";

export class Members {
  constructor(value, where = "") {
    if (!(value instanceof Map)) throw malformed("wrong-type", "expected an object", where);
    this.values = value;
    this.where = where;
  }

  has(name) {
    return this.values.has(name);
  }

  at(name) {
    return `${this.where}/${name}`;
  }

  only(names) {
    for (const name of this.values.keys()) {
      if (!names.includes(name)) {
        throw malformed("unknown-member", "the format has no such member", this.at(name));
      }
    }
  }

  version() {
    if (this.get("v") !== 1) {
      throw malformed("unsupported-version", "is not known to this release", this.at("v"));
    }
  }

  get(name) {
    if (!this.values.has(name)) throw malformed("missing-member", "is required", this.at(name));
    return this.values.get(name);
  }

  text(name, { choices = null, maximum = null } = {}) {
    const value = this.get(name);
    if (typeof value !== "string") throw malformed("wrong-type", "expected a string", this.at(name));
    // A code point has one or two units: what is longer is not taken apart.
    if (maximum !== null && (value.length > 2 * maximum || [...value].length > maximum)) {
      throw malformed("too-large", `has more than ${maximum} characters`, this.at(name));
    }
    if (choices !== null && !choices.includes(value)) {
      throw malformed("bad-value", `expected one of ${choices.join(", ")}`, this.at(name));
    }
    return value;
  }

  integer(name, minimum = 0) {
    const value = this.get(name);
    if (typeof value !== "number") throw malformed("wrong-type", "expected an integer", this.at(name));
    if (value < minimum) throw malformed("bad-value", `is below ${minimum}`, this.at(name));
    return value;
  }

  flag(name) {
    const value = this.get(name);
    if (typeof value !== "boolean") {
      throw malformed("wrong-type", "expected true or false", this.at(name));
    }
    return value;
  }

  hex(name, size = 32) {
    return parseHex(this.get(name), this.at(name), size);
  }

  array(name, maximum) {
    const value = this.get(name);
    if (!Array.isArray(value)) throw malformed("wrong-type", "expected an array", this.at(name));
    if (value.length > maximum) {
      throw malformed("too-large", `has more than ${maximum} items`, this.at(name));
    }
    return value;
  }

  object(name) {
    return new Members(this.get(name), this.at(name));
  }

  hashes(name, maximum) {
    return this.array(name, maximum).map((item, at) => parseHex(item, `${this.at(name)}/${at}`));
  }

  optional(name, read) {
    return this.has(name) ? read(name) : null;
  }
}
