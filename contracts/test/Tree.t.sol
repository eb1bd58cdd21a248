// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Rfc9162Tree} from "../src/Rfc9162Tree.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {vm} from "./Vm.sol";

/// @notice The tree arithmetic at sizes that no log will reach by anchoring, up to the last of 64 bits.
contract TreeTest {
    using ReferenceTree for ReferenceTree.Tree;
    using ReferenceTree for bytes32[];

    ReferenceTree.Tree private tree;

    function testFuzz_a_tree_of_any_size_grows_to_any_larger_size(uint64 a, uint64 b) public {
        vm.assume(a != b);
        (uint64 size, uint64 newSize) = a < b ? (a, b) : (b, a);
        _assertGrows(size, newSize);
    }

    function test_a_tree_grows_to_the_last_size_of_64_bits() public {
        _assertGrows(type(uint64).max - 1, type(uint64).max);
    }

    function test_an_empty_tree_grows_to_half_of_all_sizes_at_once() public {
        _assertGrows(0, 1 << 63);
    }

    function testFuzz_inclusion_in_a_tree_of_any_size(uint64 size, uint64 index) public {
        vm.assume(index < size);
        tree.grow(0, index, 1);
        tree.grow(index, index + 1, 2);
        if (index + 1 < size) tree.grow(index + 1, size, 3);
        bytes32 root = tree.rootOf(0, size);
        bytes32 leaf = tree.perfect(0, index);
        bytes32[] memory path = tree.path(index, size);
        vm.assertTrue(this.includes(root, size, index, leaf, path), "included");
        vm.assertFalse(this.includes(root, size, index ^ 1, leaf, path) && size > 1, "another index");
        vm.assertFalse(this.includes(root, size, index, leaf, path.with(0)), "path too long");
    }

    function test_an_inner_node_is_no_leaf_although_it_leads_to_the_root() public {
        tree.grow(0, 1, 1);
        tree.grow(1, 8, 2);
        bytes32 root = tree.rootOf(0, 8);
        bytes32[] memory path = tree.path(0, 8);
        vm.assertTrue(this.includes(root, 8, 0, tree.perfect(0, 0), path), "the leaf");
        vm.assertFalse(this.includes(root, 8, 0, tree.perfect(1, 0), _from(path, 1)), "its parent");
        vm.assertFalse(this.includes(root, 8, 0, tree.perfect(2, 0), _from(path, 2)), "the parent's parent");
        vm.assertFalse(this.includes(root, 8, 0, root, _from(path, 3)), "the root");
    }

    function test_what_lies_below_a_leaf_is_not_included_although_it_leads_to_the_root() public view {
        (bytes32 left, bytes32 right) = (sha256("left"), sha256("right"));
        bytes32[] memory path = new bytes32[](1);
        path[0] = left;
        bytes32 root = ReferenceTree.node(left, right);
        vm.assertTrue(this.includes(root, 1, 0, root, new bytes32[](0)), "the leaf that somebody made of a node");
        vm.assertFalse(this.includes(root, 1, 0, right, path), "half of it");
    }

    function test_nothing_is_included_in_an_empty_tree() public view {
        vm.assertFalse(this.includes(0, 0, 0, 0, new bytes32[](0)), "empty");
    }

    function testFuzz_nodes_are_hashed_as_rfc_9162_says(bytes32 left, bytes32 right) public view {
        vm.assertEq(Rfc9162Tree.node(left, right), ReferenceTree.node(left, right), "node");
    }

    function extend(bytes32 root, uint64 size, uint64 newSize, bytes32[] calldata peaks, bytes32[] calldata subtrees)
        external
        view
        returns (bytes32)
    {
        return Rfc9162Tree.extend(root, size, newSize, peaks, subtrees);
    }

    function includes(bytes32 root, uint64 size, uint64 index, bytes32 hash, bytes32[] calldata path)
        external
        view
        returns (bool)
    {
        return Rfc9162Tree.includes(root, size, index, hash, path);
    }

    function _assertGrows(uint64 size, uint64 newSize) private {
        if (size > 0) tree.grow(0, size, 1);
        bytes32[] memory peaks = tree.peaks(size);
        bytes32 root = size > 0 ? tree.rootOf(0, size) : bytes32(0);
        bytes32[] memory subtrees = tree.grow(size, newSize, 2);
        vm.assertEq(this.extend(root, size, newSize, peaks, subtrees), tree.rootOf(0, newSize), "new root");
    }

    function _from(bytes32[] memory hashes, uint256 start) private pure returns (bytes32[] memory rest) {
        rest = new bytes32[](hashes.length - start);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = hashes[start + i];
        }
    }
}
