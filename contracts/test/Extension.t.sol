// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "../src/IAnchorRegistry.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {RegistryTest} from "./RegistryTest.sol";
import {vm} from "./Vm.sol";

/// @notice What even the holder of the anchoring key can't do: store a root that does not extend
/// the last one. Every call here is made with that key.
contract ExtensionTest is RegistryTest {
    using ReferenceTree for ReferenceTree.Tree;
    using ReferenceTree for bytes32[];

    struct Step {
        uint64 size;
        uint64 newSize;
        bytes32[] peaks;
        bytes32[] subtrees;
    }

    ReferenceTree.Tree private forged;
    mapping(bytes32 logId => ReferenceTree.Tree) private rows;
    uint256 private refused;

    /// @notice The attack: alter one old entry, rebuild the whole tree honestly around it, and
    /// anchor the longer tree, with all hashes of it right.
    function testFuzz_a_forged_extension_is_refused(uint8 size_, uint8 altered_, uint8 more_) public {
        uint64 size = uint64(_within(size_, 1, 40));
        uint64 newSize = size + uint64(_within(more_, 1, 40));
        for (uint64 i = 1; i <= size; ++i) {
            _anchorTo(i);
        }
        uint64 altered = uint64(_within(altered_, 0, size - 1));
        for (uint64 i = 0; i < size; ++i) {
            forged.grow(i, i + 1, i == altered ? 1_000 : i + 1);
        }
        bytes32[] memory peaks = forged.peaks(size);
        bytes32[] memory subtrees = forged.grow(size, newSize, newSize);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.NotAnExtension.selector, size, newSize));
        vm.prank(ANCHORER);
        registry.anchor(logId, newSize, peaks, subtrees);
    }

    function test_a_repeated_call_is_refused() public {
        _anchorTo(5);
        Step memory step = _step(tree, 5, 9);
        vm.assertTrue(_accepts(step.newSize, step.peaks, step.subtrees), "first time");
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.NotAnExtension.selector, 9, 9));
        vm.prank(ANCHORER);
        registry.anchor(logId, 9, step.peaks, step.subtrees);
    }

    function test_a_stale_call_is_refused_although_it_asks_for_a_larger_size() public {
        _anchorTo(5);
        Step memory stale = _step(tree, 5, 20);
        Step memory quicker = Step({size: 5, newSize: 6, peaks: stale.peaks, subtrees: ReferenceTree.arbitrary(1, 7)});
        vm.assertTrue(_accepts(quicker.newSize, quicker.peaks, quicker.subtrees), "the other worker was quicker");
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.NotAnExtension.selector, 6, 20));
        vm.prank(ANCHORER);
        registry.anchor(logId, 20, stale.peaks, stale.subtrees);
    }

    function test_too_few_or_too_many_subtrees_have_an_error_of_their_own() public {
        _anchorTo(5);
        Step memory step = _step(tree, 5, 9);
        bytes32[][2] memory wrong = [_without(step.subtrees, 0), step.subtrees.with(bytes32(uint256(1)))];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.SubtreesDoNotFit.selector, 5, 9, wrong[i].length));
            vm.prank(ANCHORER);
            registry.anchor(logId, 9, step.peaks, wrong[i]);
        }
    }

    /// @notice The table: each way to get a call wrong, for steps of every shape.
    function test_every_malformed_call_is_refused() public {
        uint64[2][12] memory steps = [
            [uint64(0), 1],
            [uint64(0), 7],
            [uint64(1), 2],
            [uint64(1), 8],
            [uint64(2), 3],
            [uint64(3), 4],
            [uint64(6), 7],
            [uint64(7), 13],
            [uint64(12), 16],
            [uint64(64), 65],
            [uint64(100), 1_000],
            [uint64(1_000_003), 1_010_007]
        ];
        for (uint256 i = 0; i < steps.length; ++i) {
            _openAt(i, steps[i][0]);
            Step memory step = _step(rows[logId], steps[i][0], steps[i][1]);
            _refusesWrongPeaks(step);
            _refusesWrongCounts(step);
            _refusesWrongSizes(step);
            _refusesWrongEncodings(step);
            vm.assertTrue(_accepts(step.newSize, step.peaks, step.subtrees), "the right call, after all");
        }
        vm.snapshotValue("AnchorRegistry", "malformed calls refused", refused);
    }

    /// @dev A fresh log and tree for each row of the table.
    function _openAt(uint256 row, uint64 size) private {
        vm.prank(ADMIN);
        logId = registry.openLog(string.concat("log.example/row-", vm.toString(row)));
        _appoint(logId, ANCHORER);
        if (size == 0) return;
        bytes32[] memory first = rows[logId].grow(0, size, ~row);
        vm.assertTrue(_accepts(size, new bytes32[](0), first), "the log up to the step");
    }

    /// @dev The right call from a tree's `size` on.
    function _step(ReferenceTree.Tree storage from, uint64 size, uint64 newSize) private returns (Step memory step) {
        step.size = size;
        step.newSize = newSize;
        step.peaks = from.peaks(size);
        step.subtrees = ReferenceTree.arbitrary(ReferenceTree.coverCount(size, newSize), newSize);
    }

    function _refusesWrongPeaks(Step memory step) private {
        for (uint256 i = 0; i < step.peaks.length; ++i) {
            for (uint256 bit = 0; bit < 256; bit += 51) {
                bytes32[] memory peaks = _copy(step.peaks);
                peaks[i] ^= bytes32(1 << bit);
                _refuses(step.newSize, peaks, step.subtrees);
            }
            _refuses(step.newSize, _without(step.peaks, i), step.subtrees);
            for (uint256 j = 0; j < i; ++j) {
                bytes32[] memory swapped = _copy(step.peaks);
                (swapped[i], swapped[j]) = (swapped[j], swapped[i]);
                _refuses(step.newSize, swapped, step.subtrees);
            }
        }
        _refuses(step.newSize, ReferenceTree.arbitrary(step.peaks.length + 1, 5), step.subtrees);
        _refuses(step.newSize, step.peaks.with(0), step.subtrees);
        _refuses(step.newSize, step.subtrees, step.peaks);
        if (step.size != 0) {
            _refuses(step.newSize, new bytes32[](0), step.subtrees);
            _refuses(step.newSize, new bytes32[](step.peaks.length), step.subtrees);
            bytes32[] memory root = new bytes32[](1);
            (, root[0]) = registry.head(logId);
            if (step.peaks.length > 1) _refuses(step.newSize, root, step.subtrees);
        }
    }

    function _refusesWrongCounts(Step memory step) private {
        _refuses(step.newSize, step.peaks, new bytes32[](0));
        _refuses(step.newSize, step.peaks, _without(step.subtrees, 0));
        _refuses(step.newSize, step.peaks, _without(step.subtrees, step.subtrees.length - 1));
        _refuses(step.newSize, step.peaks, step.subtrees.with(0));
        _refuses(step.newSize, step.peaks, step.subtrees.with(step.subtrees[0]));
        _refuses(step.newSize, step.peaks, new bytes32[](300));
    }

    function _refusesWrongSizes(Step memory step) private {
        _refuses(0, step.peaks, step.subtrees);
        _refuses(step.size, step.peaks, step.subtrees);
        _refuses(step.size, step.peaks, new bytes32[](0));
        if (step.size > 0) _refuses(step.size - 1, step.peaks, step.subtrees);
        _refuses(type(uint64).max, step.peaks, step.subtrees);
        _refuses(step.size + registry.MAX_STEP() + 1, step.peaks, step.subtrees);
        for (uint64 newSize = step.size + 1; newSize < step.newSize + 20 && newSize < step.size + 60; ++newSize) {
            // As many subtrees for another size are that size's, if they are anything.
            if (ReferenceTree.coverCount(step.size, newSize) == step.subtrees.length) continue;
            _refuses(newSize, step.peaks, step.subtrees);
        }
    }

    function _refusesWrongEncodings(Step memory step) private {
        bytes memory call = abi.encodeCall(IAnchorRegistry.anchor, (logId, step.newSize, step.peaks, step.subtrees));
        _refusesBytes(_cut(call, call.length - 1));
        _refusesBytes(_cut(call, 4));
        _refusesBytes(_word(call, 1, uint256(step.newSize) | (1 << 64))); // a size of more than 64 bits
        _refusesBytes(_word(call, 2, type(uint256).max)); // an offset out of range
        _refusesBytes(_word(call, 4, 1 << 64)); // a length out of range
        _refusesBytes(_word(call, 4, call.length));
    }

    function _refuses(uint64 newSize, bytes32[] memory peaks, bytes32[] memory subtrees) private {
        _refusesBytes(abi.encodeCall(IAnchorRegistry.anchor, (logId, newSize, peaks, subtrees)));
    }

    function _refusesBytes(bytes memory call) private {
        (uint64 size, bytes32 root) = registry.head(logId);
        vm.prank(ANCHORER);
        (bool ok,) = address(registry).call(call);
        vm.assertFalse(ok, "a malformed call was accepted");
        (uint64 sizeAfter, bytes32 rootAfter) = registry.head(logId);
        vm.assertTrue(size == sizeAfter && root == rootAfter, "a refused call left a trace");
        ++refused;
    }

    function _copy(bytes32[] memory hashes) private pure returns (bytes32[] memory copy) {
        copy = new bytes32[](hashes.length);
        for (uint256 i = 0; i < hashes.length; ++i) {
            copy[i] = hashes[i];
        }
    }

    function _without(bytes32[] memory hashes, uint256 dropped) private pure returns (bytes32[] memory fewer) {
        fewer = new bytes32[](hashes.length - 1);
        for (uint256 i = 0; i < fewer.length; ++i) {
            fewer[i] = hashes[i < dropped ? i : i + 1];
        }
    }

    function _cut(bytes memory data, uint256 length) private pure returns (bytes memory cut) {
        cut = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            cut[i] = data[i];
        }
    }

    function _word(bytes memory call, uint256 index, uint256 value) private pure returns (bytes memory changed) {
        changed = bytes.concat(call);
        assembly ("memory-safe") {
            mstore(add(add(changed, 0x24), mul(index, 0x20)), value)
        }
    }
}
