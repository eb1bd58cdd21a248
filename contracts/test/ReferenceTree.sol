// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title RFC 9162 trees by their recursive definitions, written apart from the contract's loops
/// @dev A tree knows some perfect subtrees by (level, index) and computes those above them. Leaves
/// are never needed, so a tree of a billion entries costs as little as one of ten, and a subtree
/// whose leaves nobody knows (garbage that a thief anchored) is a subtree like any other. What is
/// known is never overwritten: all roots of one tree are roots of prefixes of one leaf sequence.
library ReferenceTree {
    struct Tree {
        mapping(uint256 level => mapping(uint256 index => bytes32)) known;
    }

    uint256 private constant WIDEST = 64;

    /// @notice Grows the tree over [from, to) by subtrees that follow from `salt`; returns them.
    function grow(Tree storage tree, uint256 from, uint256 to, uint256 salt)
        internal
        returns (bytes32[] memory hashes)
    {
        hashes = arbitrary(coverCount(from, to), salt);
        learn(tree, from, to, hashes);
    }

    /// @notice Takes the subtrees that cover [from, to) for known.
    function learn(Tree storage tree, uint256 from, uint256 to, bytes32[] memory hashes) internal {
        require(_learn(tree, WIDEST, 0, from, to, hashes, 0) == hashes.length, "reference: subtrees do not fit");
    }

    function _learn(
        Tree storage tree,
        uint256 level,
        uint256 index,
        uint256 from,
        uint256 to,
        bytes32[] memory hashes,
        uint256 used
    ) private returns (uint256) {
        (uint256 start, uint256 end) = (index << level, (index + 1) << level);
        if (end <= from || to <= start) return used;
        if (from <= start && end <= to) {
            require(tree.known[level][index] == 0, "reference: overwritten");
            tree.known[level][index] = hashes[used];
            return used + 1;
        }
        used = _learn(tree, level - 1, 2 * index, from, to, hashes, used);
        return _learn(tree, level - 1, 2 * index + 1, from, to, hashes, used);
    }

    /// @notice How many largest aligned perfect subtrees cover [from, to).
    function coverCount(uint256 from, uint256 to) internal pure returns (uint256) {
        return _coverCount(WIDEST, 0, from, to);
    }

    function _coverCount(uint256 level, uint256 index, uint256 from, uint256 to) private pure returns (uint256) {
        (uint256 start, uint256 end) = (index << level, (index + 1) << level);
        if (end <= from || to <= start) return 0;
        if (from <= start && end <= to) return 1;
        return _coverCount(level - 1, 2 * index, from, to) + _coverCount(level - 1, 2 * index + 1, from, to);
    }

    /// @notice Root of the perfect subtree of this level and index.
    function perfect(Tree storage tree, uint256 level, uint256 index) internal returns (bytes32) {
        bytes32 hash = tree.known[level][index];
        if (hash != 0) return hash;
        require(level > 0, "reference: unknown leaf");
        hash = node(perfect(tree, level - 1, 2 * index), perfect(tree, level - 1, 2 * index + 1));
        tree.known[level][index] = hash;
        return hash;
    }

    /// @notice MTH of the entries [start, start + size), RFC 9162 2.1.1.
    function rootOf(Tree storage tree, uint256 start, uint256 size) internal returns (bytes32) {
        uint256 level = ceilLog2(size);
        if (1 << level == size) return perfect(tree, level, start >> level);
        uint256 left = 1 << (level - 1);
        return node(rootOf(tree, start, left), rootOf(tree, start + left, size - left));
    }

    /// @notice Roots of the perfect subtrees of the tree of `size` entries, left to right.
    function peaks(Tree storage tree, uint256 size) internal returns (bytes32[] memory hashes) {
        hashes = new bytes32[](size == 0 ? 0 : coverCount(0, size));
        uint256 start = 0;
        for (uint256 i = 0; i < hashes.length; ++i) {
            uint256 level = ceilLog2(size - start + 1) - 1;
            hashes[i] = perfect(tree, level, start >> level);
            start += 1 << level;
        }
    }

    /// @notice PATH of RFC 9162 2.1.3.1, the leaf's sibling first.
    function path(Tree storage tree, uint256 index, uint256 size) internal returns (bytes32[] memory) {
        return _path(tree, index, 0, size);
    }

    function _path(Tree storage tree, uint256 index, uint256 start, uint256 size) private returns (bytes32[] memory) {
        if (size == 1) return new bytes32[](0);
        uint256 left = 1 << (ceilLog2(size) - 1);
        if (index < left) return with(_path(tree, index, start, left), rootOf(tree, start + left, size - left));
        return with(_path(tree, index - left, start + left, size - left), rootOf(tree, start, left));
    }

    function with(bytes32[] memory hashes, bytes32 last) internal pure returns (bytes32[] memory longer) {
        longer = new bytes32[](hashes.length + 1);
        for (uint256 i = 0; i < hashes.length; ++i) {
            longer[i] = hashes[i];
        }
        longer[hashes.length] = last;
    }

    function arbitrary(uint256 count, uint256 salt) internal pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            hashes[i] = keccak256(abi.encode(salt, i));
        }
    }

    function ceilLog2(uint256 value) internal pure returns (uint256 level) {
        while (1 << level < value) ++level;
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }
}
