// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {IAnchorRegistry} from "./IAnchorRegistry.sol";

/// @title The RFC 9162 (2.1) Merkle tree, seen through its perfect subtrees
/// @dev A tree of n entries is a row of perfect subtrees, one for each bit set in n, the largest on
/// the left; their roots are its peaks. Levels are never taken from the caller: sizes decide them.
/// Sizes are below 2^64, so no sum or shift here can overflow a word; hence `unchecked`.
library Rfc9162Tree {
    /// @notice Root of the tree that grows from `size` to `newSize` entries.
    /// @dev `size` < `newSize`. Reverts unless `peaks` are exactly those of the tree whose root is
    /// `root`, and `subtrees` exactly as many as cover [size, newSize).
    function extend(bytes32 root, uint64 size, uint64 newSize, bytes32[] calldata peaks, bytes32[] calldata subtrees)
        internal
        view
        returns (bytes32 newRoot)
    {
        unchecked {
            bytes32[] memory row = new bytes32[](peaks.length + subtrees.length);
            uint256 count = peaks.length;
            for (uint256 i = 0; i < count; ++i) {
                row[i] = peaks[i];
            }
            if (count != bitCount(size) || bag(row, count) != root) {
                revert IAnchorRegistry.NotAnExtension(size, newSize);
            }

            uint256 pos = size;
            for (uint256 i = 0; i < subtrees.length; ++i) {
                if (pos == newSize) revert IAnchorRegistry.SubtreesDoNotFit(size, newSize, subtrees.length);
                uint256 span = spanAt(pos, newSize);
                bytes32 hash = subtrees[i];
                // Adding in binary: a subtree next to one of its own size makes one of twice the size.
                for (uint256 width = span; pos & width != 0; width <<= 1) {
                    hash = node(row[--count], hash);
                }
                row[count++] = hash;
                pos += span;
            }
            if (pos != newSize) revert IAnchorRegistry.SubtreesDoNotFit(size, newSize, subtrees.length);
            return bag(row, count);
        }
    }

    /// @notice Whether `path` leads from `hash` at `index` to `root` in a tree of `size` entries.
    function includes(bytes32 root, uint64 size, uint64 index, bytes32 hash, bytes32[] calldata path)
        internal
        view
        returns (bool)
    {
        if (index >= size) return false;
        uint256 pos = index;
        uint256 last = size - 1;
        for (uint256 i = 0; i < path.length; ++i) {
            if (last == 0) return false;
            if (pos & 1 == 1 || pos == last) {
                hash = node(path[i], hash);
                // A right edge without sibling moves up unchanged.
                while (pos & 1 == 0 && pos != 0) {
                    pos >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node(hash, path[i]);
            }
            pos >>= 1;
            last >>= 1;
        }
        return last == 0 && hash == root;
    }

    /// @notice Number of entries of the largest perfect subtree that starts at `pos`, aligned to its
    /// own size, and ends at or before `end`; `pos` < `end`.
    function spanAt(uint256 pos, uint256 end) internal pure returns (uint256 span) {
        unchecked {
            span = pos & (~pos + 1); // the lowest bit set: the largest alignment; 0 for 0
            if (span == 0 || span > end - pos) span = 1 << Math.log2(end - pos);
        }
    }

    /// @notice Root over the first `count` hashes of a row of peaks; zero for none.
    function bag(bytes32[] memory row, uint256 count) internal view returns (bytes32 root) {
        unchecked {
            if (count == 0) return 0;
            root = row[--count];
            while (count > 0) {
                root = node(row[--count], root);
            }
        }
    }

    /// @notice Number of bits set.
    function bitCount(uint256 bits) internal pure returns (uint256 count) {
        unchecked {
            for (; bits != 0; bits &= bits - 1) {
                ++count;
            }
        }
    }

    /// @notice SHA-256(0x01 || left || right).
    /// @dev The only assembly: `sha256(abi.encodePacked(...))` allocates anew for each node. It works
    /// in free memory without taking it, and accepts nothing but 32 bytes from the precompile.
    function node(bytes32 left, bytes32 right) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x01)
            mstore(add(free, 0x01), left)
            mstore(add(free, 0x21), right)
            let ok := staticcall(gas(), 0x02, free, 0x41, 0x00, 0x20)
            if iszero(and(ok, eq(returndatasize(), 0x20))) { revert(0x00, 0x00) }
            hash := mload(0x00)
        }
    }
}
