// RLP, Merkle-Patricia proofs and block headers: what a block's hash vouches for.

import { anyHex, equal, keccak } from "./bytes.js";
import { unproven } from "./faults.js";

const MAX_DEPTH = 8;
const MAX_NODES = 64;
const MAX_HEADER = 2048;
const MAX_LOGS = 4096;
const FIELDS = 15;

const badRlp = (message) => unproven("bad-rlp", message);
const badProof = (message) => unproven("bad-trie-proof", message);
const badBlock = (message) => unproven("bad-block-proof", message);

export function decodeRlp(data) {
  const [item, end] = readItem(data, 0, data.length, 0);
  if (end !== data.length) throw badRlp("bytes follow the RLP item");
  return item;
}

function decodeList(data) {
  const item = decodeRlp(data);
  if (!Array.isArray(item)) throw badRlp("expected an RLP list");
  return item;
}

function encodeInteger(value) {
  if (value === 0) return Uint8Array.of(0x80);
  let digits = value.toString(16);
  if (digits.length % 2) digits = `0${digits}`;
  const data = anyHex(digits);
  return value < 0x80 ? data : Uint8Array.of(0x80 + data.length, ...data);
}

function readItem(data, at, end, depth) {
  if (at >= end) throw badRlp("the RLP is cut");
  const first = data[at];
  if (first < 0x80) return [data.slice(at, at + 1), at + 1];
  const isList = first >= 0xc0;
  let [start, stop] = readLength(data, at, end, first - (isList ? 0xc0 : 0x80));
  if (!isList) {
    if (stop - start === 1 && data[start] < 0x80) {
      throw badRlp("a byte that stands for itself has a length before it");
    }
    return [data.slice(start, stop), stop];
  }
  if (depth === MAX_DEPTH) throw badRlp(`RLP lists are nested deeper than ${MAX_DEPTH} levels`);
  const items = [];
  while (start < stop) {
    const [item, next] = readItem(data, start, stop, depth + 1);
    items.push(item);
    start = next;
  }
  return [items, stop];
}

function readLength(data, at, end, kind) {
  let [start, length] = [at + 1, kind];
  if (kind > 55) {
    start = at + 1 + kind - 55;
    const digits = data.slice(at + 1, start);
    length = digits.reduce((value, byte) => value * 256 + byte, 0);
    if (start > end || digits[0] === 0 || length <= 55) {
      throw badRlp("an RLP length is not spelled in the shortest way");
    }
  }
  if (start + length > end) throw badRlp("the RLP is cut");
  return [start, start + length];
}

function text(item, what, size = null) {
  if (Array.isArray(item) || (size !== null && item.length !== size)) {
    throw badRlp(`${what} is not ${size === null ? "a string" : `${size} bytes`}`);
  }
  return item;
}

function sequence(item, what) {
  if (!Array.isArray(item)) throw badRlp(`${what} is not a list`);
  return item;
}

function integer(item, what) {
  const data = text(item, what);
  const value = data.reduce((sum, byte) => sum * 256 + byte, 0);
  if (data[0] === 0 || data.length > 7 || value > Number.MAX_SAFE_INTEGER) {
    throw badRlp(`${what} is not an integer of at most 53 bits`);
  }
  return value;
}

// The value that a proof shows at `key` under `root`; every node of the proof is used.
export function proveValue(root, key, nodes) {
  if (!nodes.length || nodes.length > MAX_NODES) {
    throw badProof(`a trie proof has 1 to ${MAX_NODES} nodes`);
  }
  let rest = halves(key);
  let reference = root;
  let used = 0;
  for (;;) {
    let node = reference;
    if (!Array.isArray(reference)) {
      if (used === nodes.length) throw badProof("the trie proof ends before its key does");
      if (reference.length !== 32 || !equal(keccak(nodes[used]), reference)) {
        throw badProof(`node ${used} of the trie proof has another hash`);
      }
      node = decodeList(nodes[used++]);
    }
    let isValue;
    [reference, rest, isValue] = step(node, rest);
    if (!isValue) continue;
    if (used !== nodes.length) throw badProof("the trie proof has nodes that it does not need");
    return value(reference);
  }
}

function step(node, rest) {
  if (node.length === 17) {
    return rest.length ? [node[rest[0]], rest.slice(1), false] : [node[16], rest, true];
  }
  if (node.length !== 2) {
    throw badProof("a node of the trie proof has neither 2 nor 17 items");
  }
  const [path, isLeaf] = hexPrefix(node);
  const fits = path.every((half, at) => half === rest[at]);
  if (!fits || (isLeaf && path.length !== rest.length)) {
    throw badProof("the trie holds nothing at this key");
  }
  return [node[1], rest.slice(path.length), isLeaf];
}

function hexPrefix(node) {
  const found = halves(value(node[0]));
  if (!found.length || found[0] > 3 || (!(found[0] & 1) && found[1])) {
    throw badProof("a path of the trie proof is not in hex-prefix encoding");
  }
  return [found.slice(2 - (found[0] & 1)), found[0] >= 2];
}

const halves = (data) => Array.from(data).flatMap((byte) => [byte >> 4, byte & 15]);

function value(item) {
  if (Array.isArray(item) || !item.length) throw badProof("the trie holds nothing at this key");
  return item;
}

export function readHeader(data) {
  if (data.length > MAX_HEADER) {
    throw badBlock(`a block header has at most ${MAX_HEADER} bytes`);
  }
  const items = decodeList(data);
  if (items.length < FIELDS) throw badBlock(`a block header has at least ${FIELDS} fields`);
  return {
    hash: keccak(data),
    parent: text(items[0], "parent hash", 32),
    transactionsRoot: text(items[4], "transactions root", 32),
    receiptsRoot: text(items[5], "receipts root", 32),
    number: integer(items[8], "block number"),
    time: integer(items[11], "block time") * 1000,
  };
}

export function readEvent(members, header) {
  const index = members.integer("transaction_index");
  const position = members.integer("position");
  const key = encodeInteger(index);
  const receipt = proveValue(header.receiptsRoot, key, nodes(members, "receipt_proof"));
  const transaction = proveValue(header.transactionsRoot, key, nodes(members, "transaction_proof"));
  const events = readEvents(receipt);
  if (position >= events.length) {
    throw badBlock("the transaction has no event at this position");
  }
  return {
    header,
    event: events[position],
    transaction: keccak(transaction),
    index,
    position,
    chainId: chainId(transaction),
  };
}

function nodes(members, name) {
  return members
    .array(name, MAX_NODES)
    .map((item, at) => anyHex(item, `${members.at(name)}/${at}`));
}

function readEvents(receipt) {
  const fields = decodeList(receipt[0] >= 0xc0 ? receipt : receipt.slice(1));
  if (fields.length !== 4) throw badBlock("a transaction's receipt has 4 fields");
  if (Array.isArray(fields[0]) || !equal(fields[0], Uint8Array.of(1))) {
    throw badBlock("the transaction was reverted");
  }
  const items = sequence(fields[3], "events");
  if (items.length > MAX_LOGS) throw badBlock(`more than ${MAX_LOGS} events`);
  return items.map((item) => {
    const parts = sequence(item, "event");
    if (parts.length !== 3) throw badBlock("an event has 3 fields");
    return {
      address: text(parts[0], "event address", 20),
      topics: sequence(parts[1], "event topics").map((topic) => text(topic, "event topic", 32)),
      data: text(parts[2], "event data"),
    };
  });
}

function chainId(transaction) {
  if (![1, 2, 3, 4].includes(transaction[0])) return null;
  const fields = decodeList(transaction.slice(1));
  return fields.length ? integer(fields[0], "chain id") : null;
}
