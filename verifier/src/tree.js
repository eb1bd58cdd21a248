// The Merkle tree of RFC 9162, section 2.1: checks of inclusion and consistency. Sizes have up to
// 53 bits, so that the bit operations are done on BigInt.

import { equal, sha256 } from "./bytes.js";
import { unproven } from "./faults.js";

const LEFT_OF = Uint8Array.of(1);
export const MAX_SIZE = Number.MAX_SAFE_INTEGER;
export const EMPTY_ROOT = sha256(new Uint8Array());

export const leafHash = (entry) => sha256(Uint8Array.of(0), entry);
export const nodeHash = (left, right) => sha256(LEFT_OF, left, right);

const bitLength = (value) => (value === 0n ? 0 : value.toString(2).length);
const bitCount = (value) => [...value.toString(2)].filter((bit) => bit === "1").length;

export function verifyInclusion(leaf, { index, size, path, root }) {
  if (!(0 <= index && index < size && size <= MAX_SIZE)) {
    throw unproven("out-of-bounds", `index ${index} is not in a tree of size ${size}`);
  }
  const [i, n] = [BigInt(index), BigInt(size)];
  const inner = bitLength(i ^ (n - 1n));
  const length = inner + bitCount(i >> BigInt(inner));
  if (path.length !== length) {
    throw unproven(
      "bad-proof-length",
      `the inclusion path has ${path.length} hashes, not ${length}`,
    );
  }
  let node = leaf;
  path.forEach((sibling, depth) => {
    const onTheLeft = depth >= inner || (i >> BigInt(depth)) & 1n;
    node = onTheLeft ? nodeHash(sibling, node) : nodeHash(node, sibling);
  });
  if (!equal(node, root)) {
    throw unproven("root-mismatch", "the inclusion path does not lead to the root");
  }
}

function splitPoint(length) {
  return 1n << BigInt(bitLength(length - 1n) - 1);
}

function consistencyLength(old, size) {
  if (old === 0n || old === size) return 0;
  let [start, end, complete, count] = [0n, size, true, 0];
  while (old !== end) {
    const middle = start + splitPoint(end - start);
    if (old <= middle) end = middle;
    else [start, complete] = [middle, false];
    count++;
  }
  return complete ? count : count + 1;
}

export function verifyConsistency({ old, size, proof, oldRoot, root }) {
  if (!(0 <= old && old <= size && size <= MAX_SIZE)) {
    throw unproven("out-of-bounds", `no tree of size ${size} extends one of size ${old}`);
  }
  const length = consistencyLength(BigInt(old), BigInt(size));
  if (proof.length !== length) {
    throw unproven(
      "bad-proof-length",
      `the consistency proof has ${proof.length} hashes, not ${length}`,
    );
  }
  if (old === 0) {
    if (!equal(oldRoot, EMPTY_ROOT)) {
      throw unproven("root-mismatch", "the old root is not that of the empty tree");
    }
    return;
  }
  if (old === size) {
    if (!equal(oldRoot, root)) throw unproven("root-mismatch", "two roots for one size");
    return;
  }
  const first = BigInt(old);
  const hashes = first & (first - 1n) ? [...proof] : [oldRoot, ...proof];
  let [left, right] = [first - 1n, BigInt(size) - 1n];
  while (left & 1n) [left, right] = [left >> 1n, right >> 1n];
  let [oldNode, newNode] = [hashes[0], hashes[0]];
  for (const sibling of hashes.slice(1)) {
    if (left & 1n || left === right) {
      oldNode = nodeHash(sibling, oldNode);
      newNode = nodeHash(sibling, newNode);
      while (!(left & 1n) && left) [left, right] = [left >> 1n, right >> 1n];
    } else {
      newNode = nodeHash(newNode, sibling);
    }
    [left, right] = [left >> 1n, right >> 1n];
  }
  if (!equal(oldNode, oldRoot)) {
    throw unproven("root-mismatch", "the consistency proof does not lead to the old root");
  }
  if (!equal(newNode, root)) {
    throw unproven("root-mismatch", "the consistency proof does not lead to the new root");
  }
}
