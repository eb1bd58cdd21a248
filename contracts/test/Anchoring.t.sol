// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "../src/IAnchorRegistry.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {RegistryTest} from "./RegistryTest.sol";
import {vm} from "./Vm.sol";

/// @notice What an anchoring key does in ordinary life, and what verifiers then read.
contract AnchoringTest is RegistryTest {
    using ReferenceTree for ReferenceTree.Tree;
    using ReferenceTree for bytes32[];

    /// @dev The well-known leaves of the Certificate Transparency test data, and the roots of their
    /// trees of 1 to 8 entries.
    bytes[8] private ctEntries = [
        bytes(""),
        hex"00",
        hex"10",
        hex"2021",
        hex"3031",
        hex"40414243",
        hex"5051525354555657",
        hex"606162636465666768696a6b6c6d6e6f"
    ];
    bytes32[8] private ctRoots = [
        bytes32(0x6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d),
        0xfac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125,
        0xaeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77,
        0xd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7,
        0x4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4,
        0x76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef,
        0xddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c,
        0x5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328
    ];

    function test_known_trees_get_their_known_roots_one_entry_at_a_time() public {
        for (uint64 i = 0; i < 8; ++i) {
            bytes32[] memory leaf = _one(sha256(abi.encodePacked(bytes1(0x00), ctEntries[i])));
            bytes32[] memory peaks = tree.peaks(i);
            tree.learn(i, i + 1, leaf);
            vm.prank(ANCHORER);
            registry.anchor(logId, i + 1, peaks, leaf);
            vm.assertEq(registry.rootAt(logId, i + 1), ctRoots[i], "root");
        }
    }

    function test_an_anchor_is_announced_and_becomes_the_head() public {
        bytes32[] memory subtrees = tree.grow(0, 5, 1);
        bytes32 root = tree.rootOf(0, 5);
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.Anchored(logId, 5, root, 0);
        vm.prank(ANCHORER);
        registry.anchor(logId, 5, new bytes32[](0), subtrees);
        (uint64 size, bytes32 stored) = registry.head(logId);
        vm.assertEq(size, 5, "size");
        vm.assertEq(stored, root, "root");
    }

    function test_every_anchored_size_stays_readable() public {
        uint64[5] memory sizes = [uint64(1), 6, 7, 4_096, 10_000];
        for (uint256 i = 0; i < sizes.length; ++i) {
            _anchorTo(sizes[i]);
        }
        for (uint256 i = 0; i < sizes.length; ++i) {
            vm.assertEq(registry.rootAt(logId, sizes[i]), tree.rootOf(0, sizes[i]), "root");
        }
        vm.assertEq(registry.rootAt(logId, 5), 0, "a size that was never anchored");
    }

    function testFuzz_any_steps_give_the_root_of_the_whole_tree(uint32[4] memory steps) public {
        uint64 size = 0;
        for (uint256 i = 0; i < steps.length; ++i) {
            size += uint64(_within(steps[i], 1, i % 2 == 0 ? 40 : registry.MAX_STEP()));
            vm.assertEq(_anchorTo(size), registry.rootAt(logId, size), "root");
        }
    }

    function test_a_step_has_a_largest_size() public {
        _anchorTo(3);
        uint64 tooFar = 3 + registry.MAX_STEP() + 1;
        bytes32[] memory peaks = tree.peaks(3);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.StepTooLarge.selector, 3, tooFar));
        vm.prank(ANCHORER);
        registry.anchor(logId, tooFar, peaks, new bytes32[](0));
        _anchorTo(tooFar - 1);
    }

    function test_each_log_has_its_own_anchoring_role() public {
        vm.prank(ADMIN);
        bytes32 other = registry.openLog("log.example/other");
        bytes32[] memory subtrees = tree.grow(0, 1, 1);
        _expectUnauthorized(ANCHORER, registry.anchorRole(other));
        vm.prank(ANCHORER);
        registry.anchor(other, 1, new bytes32[](0), subtrees);
    }

    function test_nobody_without_the_role_anchors() public {
        address[3] memory others = [ADMIN, RECOVERY, STRANGER];
        bytes32[] memory subtrees = tree.grow(0, 1, 1);
        bytes32 role = registry.anchorRole(logId);
        for (uint256 i = 0; i < others.length; ++i) {
            _expectUnauthorized(others[i], role);
            vm.prank(others[i]);
            registry.anchor(logId, 1, new bytes32[](0), subtrees);
        }
    }

    function test_a_log_that_was_never_opened_takes_no_anchor() public {
        bytes32 unknown = sha256("log.example/never");
        _appoint(unknown, ANCHORER);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.UnknownLog.selector, unknown));
        vm.prank(ANCHORER);
        registry.anchor(unknown, 1, new bytes32[](0), new bytes32[](1));
    }

    function testFuzz_inclusion_is_verified_at_every_anchored_size(uint8 size_, uint8 index_) public {
        uint64 size = uint64(_within(size_, 1, 70));
        uint64 index = uint64(_within(index_, 0, size - 1));
        for (uint64 i = 1; i <= size; ++i) {
            _anchorTo(i);
        }
        bytes32 leaf = tree.perfect(0, index);
        bytes32[] memory path = tree.path(index, size);
        vm.assertTrue(registry.verifyInclusion(logId, size, index, leaf, path), "included");
        _assertNotIncluded(size, index, leaf, path);
    }

    function _assertNotIncluded(uint64 size, uint64 index, bytes32 leaf, bytes32[] memory path) private view {
        vm.assertFalse(registry.verifyInclusion(logId, size, index, ~leaf, path), "another leaf");
        vm.assertFalse(registry.verifyInclusion(logId, size, size, leaf, path), "index beyond the end");
        vm.assertFalse(registry.verifyInclusion(logId, size + 1, index, leaf, path), "size never anchored");
        vm.assertFalse(registry.verifyInclusion(~logId, size, index, leaf, path), "another log");
        vm.assertFalse(registry.verifyInclusion(logId, size, index, leaf, path.with(leaf)), "path too long");
        if (size > 1) {
            vm.assertFalse(registry.verifyInclusion(logId, size, (index + 1) % size, leaf, path), "another index");
        }
        for (uint256 i = 0; i < path.length; ++i) {
            path[i] = ~path[i];
            vm.assertFalse(registry.verifyInclusion(logId, size, index, leaf, path), "altered path");
            path[i] = ~path[i];
        }
        if (path.length == 0) return;
        bytes32[] memory shorter = new bytes32[](path.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) {
            shorter[i] = path[i];
        }
        vm.assertFalse(registry.verifyInclusion(logId, size, index, leaf, shorter), "path too short");
    }

    function _one(bytes32 hash) private pure returns (bytes32[] memory hashes) {
        hashes = new bytes32[](1);
        hashes[0] = hash;
    }
}
