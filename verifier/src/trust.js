// Trust files (docs/formats.md, section 10): whom a verifier believes.

import { malformed } from "./faults.js";
import { parse } from "./json.js";
import { Members } from "./members.js";
import { checkOrigin, Verifier } from "./notes.js";

const MAX_LOGS = 1024;
const MAX_KEYS = 16;
const MAX_OPERATOR = 256;
const MEMBERS = [
  "origin", "keys", "chain_id", "genesis_hash", "contract", "code_hash", "start",
  "confirmations", "local", "successor",
]; // prettier-ignore

export class TrustFile {
  constructor(operator, logs) {
    this.operator = operator;
    this.logs = logs;
  }

  log(origin) {
    return this.logs.find((log) => log.origin === origin) ?? null;
  }

  // The origin and the logs that carry it on, in order.
  lineage(origin) {
    const line = [origin];
    for (;;) {
      const next = this.log(line.at(-1))?.successor?.origin;
      if (next === undefined || line.includes(next)) return line;
      line.push(next);
    }
  }

  static decode(data) {
    const members = new Members(parse(data, { maxBytes: 1 << 20, maxDepth: 8 }));
    members.version();
    members.only(["v", "operator", "logs"]);
    const operator = members.text("operator", { maximum: MAX_OPERATOR });
    if (!operator || /[\p{C}\p{Zl}\p{Zp}]/u.test(operator) || /[^\S ]/u.test(operator)) {
      throw malformed("bad-value", "is empty or has control characters", "/operator");
    }
    const logs = members.array("logs", MAX_LOGS).map((item, at) => readLog(item, `/logs/${at}`));
    if (new Set(logs.map((log) => log.origin)).size !== logs.length) {
      throw malformed("bad-value", "names one origin twice", "/logs");
    }
    const successors = logs.filter((log) => log.successor).map((log) => log.successor.origin);
    if (new Set(successors).size !== successors.length) {
      throw malformed("bad-value", "names one log as successor of two", "/logs");
    }
    return new TrustFile(operator, logs);
  }
}

function readLog(value, where) {
  const members = new Members(value, where);
  members.only(MEMBERS);
  return {
    origin: checkOrigin(members.text("origin"), members.at("origin")),
    chain_id: members.integer("chain_id", 1),
    genesis_hash: members.hex("genesis_hash"),
    contract: members.hex("contract", 20),
    code_hash: members.hex("code_hash"),
    start: members.integer("start"),
    confirmations: members.optional("confirmations", (name) => members.integer(name, 1)),
    local: members.has("local") ? members.flag("local") : false,
    keys: readKeys(members),
    successor: members.optional("successor", () => readSuccessor(members)),
  };
}

function readKeys(members) {
  const keys = members.array("keys", MAX_KEYS).map((item, at) => {
    const where = `${members.at("keys")}/${at}`;
    if (typeof item !== "string") throw malformed("wrong-type", "expected a verifier key", where);
    const key = Verifier.fromVkey(item, where);
    if (key.name !== members.text("origin")) {
      throw malformed("bad-note", "the key's name is not the origin", where);
    }
    return key;
  });
  if (!keys.length || new Set(keys.map((key) => key.keyId.join())).size !== keys.length) {
    throw malformed("bad-value", "is empty or has one key id twice", members.at("keys"));
  }
  return keys;
}

function readSuccessor(members) {
  const inner = members.object("successor");
  inner.only(["origin", "size"]);
  const origin = checkOrigin(inner.text("origin"), inner.at("origin"));
  if (origin === members.text("origin")) {
    throw malformed("bad-value", "no log is its own successor", inner.at("origin"));
  }
  return { origin, size: inner.integer("size", 1) };
}
