// Fields of a JSON payload (docs/formats.md, section 4): where each is, how it is spelled, and the
// paths by which a receipt discloses some of them.

import { canonicalize, checkShape, checkText, decodeUtf8 } from "./json.js";
import { compareText, equal, hex, parseHex, quoted } from "./bytes.js";
import { malformed, unproven } from "./faults.js";
import { Members } from "./members.js";
import { leafHash, nodeHash } from "./tree.js";

const MAX_PAYLOAD = 1 << 20;
const MAX_DEPTH = 32;
const MAX_FIELDS = 1 << 16;
const MAX_TOKEN = 1 << 17;
const MAX_POINTER = 2048;
const MAX_DISCLOSED = 1024;
const MAX_PATH = 16;
const LEXEME =
  /[ \t\n\r]+|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|[{}[\]:,]|true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

const escaped = (name) => name.replaceAll("~", "~0").replaceAll("/", "~1");
const length = (text) => [...text].length;

// Pointer and token of each field, as a Map.
export function flatten(payload) {
  if (payload.length > MAX_PAYLOAD) {
    throw malformed("too-large", `more than ${MAX_PAYLOAD} bytes`, "payload");
  }
  let text;
  try {
    text = decodeUtf8(payload);
  } catch {
    throw malformed("bad-encoding", "not UTF-8", "payload");
  }
  checkShape(text, { maxDepth: MAX_DEPTH });
  return new Walk(text).fields();
}

class Walk {
  constructor(text) {
    this.lexemes = [];
    LEXEME.lastIndex = 0;
    while (LEXEME.lastIndex < text.length) {
      const found = LEXEME.exec(text)?.[0];
      if (found === undefined) throw notJson();
      if (!" \t\n\r".includes(found[0])) this.lexemes.push(found);
    }
    this.at = 0;
    this.found = new Map();
  }

  fields() {
    this.value("");
    if (this.at !== this.lexemes.length) throw notJson();
    return this.found;
  }

  value(pointer) {
    const lexeme = this.lexemes[this.at++];
    if (lexeme === "{" || lexeme === "[") {
      const closer = lexeme === "{" ? "}" : "]";
      if (this.lexemes[this.at] === closer) {
        this.at++;
        this.add(pointer, lexeme + closer);
      } else if (lexeme === "{") this.object(pointer);
      else this.array(pointer);
    } else if (lexeme === undefined || "}]:,".includes(lexeme)) throw notJson();
    else this.add(pointer, lexeme);
  }

  object(base) {
    const seen = new Set();
    for (;;) {
      const lexeme = this.lexemes[this.at++] ?? "";
      if (lexeme[0] !== '"' || this.lexemes[this.at++] !== ":") throw notJson();
      const name = JSON.parse(lexeme);
      checkText(name, "payload");
      if (seen.has(name)) {
        const shown = quoted([...name.slice(0, 160)].slice(0, 80).join(""));
        throw malformed("duplicate-member", `member ${shown} occurs twice in one object`, "payload");
      }
      seen.add(name);
      this.inside(`${base}/${escaped(name)}`);
      if (this.ends("}")) return;
    }
  }

  array(base) {
    for (let index = 0; ; index++) {
      this.inside(`${base}/${index}`);
      if (this.ends("]")) return;
    }
  }

  inside(pointer) {
    if (length(pointer) > MAX_POINTER) {
      throw malformed("too-large", "the names on the way to a field are too long", pointer);
    }
    this.value(pointer);
  }

  ends(closer) {
    const lexeme = this.lexemes[this.at++];
    if (lexeme !== closer && lexeme !== ",") throw notJson();
    return lexeme === closer;
  }

  add(pointer, token) {
    if (this.found.size >= MAX_FIELDS) {
      throw malformed("too-large", `more than ${MAX_FIELDS} fields`, "payload");
    }
    if (length(token) > MAX_TOKEN) {
      throw malformed("too-large", `a token of more than ${MAX_TOKEN} characters`, pointer);
    }
    this.found.set(pointer, token);
  }
}

const notJson = () => malformed("not-json", "not JSON", "payload");

export function readDisclosure(members, name) {
  const items = members.array(name, MAX_DISCLOSED);
  if (!items.length) throw malformed("bad-value", "is empty; leave it out", members.at(name));
  const disclosed = items.map((item, at) => readField(new Members(item, `${members.at(name)}/${at}`)));
  for (let at = 1; at < disclosed.length; at++) {
    if (compareText(disclosed[at].pointer, disclosed[at - 1].pointer) <= 0) {
      throw malformed("bad-value", "is not ordered by pointer, each once", members.at(name));
    }
  }
  return disclosed;
}

function readField(members) {
  members.only(["pointer", "token", "salt", "path"]);
  return {
    pointer: members.text("pointer", { maximum: MAX_POINTER }),
    token: members.text("token", { maximum: MAX_TOKEN }),
    salt: members.hex("salt"),
    path: members.array("path", MAX_PATH).map((item, at) => {
      const where = `${members.at("path")}/${at}`;
      const step = new Members(item, where);
      step.only(["left", "right"]);
      const side = step.has("left") ? "left" : "right";
      if (side === "left" && step.has("right")) {
        throw malformed("bad-value", "has a left and a right hash", where);
      }
      return { side, hash: parseHex(step.get(side), step.at(side)) };
    }),
  };
}

export function verifyDisclosure(disclosed, root) {
  for (const { pointer, token, salt, path } of disclosed) {
    let node = leafHash(canonicalize([pointer, hex(salt), token]));
    for (const { side, hash } of path) {
      node = side === "left" ? nodeHash(hash, node) : nodeHash(node, hash);
    }
    if (!equal(node, root)) {
      throw unproven(
        "bad-disclosure",
        `field ${quoted(pointer)} does not lead to the statement's fields_root`,
      );
    }
  }
}
