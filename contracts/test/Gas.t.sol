// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReferenceTree} from "./ReferenceTree.sol";
import {RegistryTest} from "./RegistryTest.sol";
import {vm} from "./Vm.sol";

/// @notice What an anchor costs at a million entries, as a user pays it: the gas of the whole
/// transaction, i.e. 21,000, calldata and execution on cold storage (foundry.toml sets `isolate`).
contract GasTest is RegistryTest {
    using ReferenceTree for ReferenceTree.Tree;

    uint256 private constant STEPS = 100;
    uint64 private constant MILLION = 1_000_000;
    uint64 private constant STEP = 10_000;

    function test_median_anchor_at_a_million_entries_costs_at_most_100_000() public {
        _reachAMillion();
        uint256[] memory costs = new uint256[](STEPS);
        uint64 size = MILLION;
        for (uint256 i = 0; i < STEPS; ++i) {
            // A batch ends when its interval does, not at a round number.
            size += uint64(STEP - 1_000 + uint256(keccak256(abi.encode(i))) % 2_001);
            costs[i] = _cost(size);
        }
        _report("about 10,000", costs);
        vm.assertLe(_sorted(costs)[STEPS / 2], 100_000, "median of steps of about 10,000");
    }

    function test_median_anchor_in_round_steps_costs_at_most_100_000() public {
        _reachAMillion();
        uint256[] memory costs = new uint256[](STEPS);
        for (uint256 i = 0; i < STEPS; ++i) {
            costs[i] = _cost(MILLION + STEP * uint64(i + 1));
        }
        _report("exactly 10,000", costs);
        vm.assertLe(_sorted(costs)[STEPS / 2], 100_000, "median of steps of 10,000");
    }

    function test_the_rest() public {
        vm.prank(ADMIN);
        registry.openLog("log.example/another");
        vm.snapshotValue("AnchorRegistry", "openLog", vm.lastCallGas().gasTotalUsed);
        vm.snapshotValue("AnchorRegistry", "anchor, first of 10,000", _cost(STEP));
        vm.prank(RECOVERY);
        registry.succeed(logId, STEP, "log.example/parcels-2", "the anchoring key was stolen");
        vm.snapshotValue("AnchorRegistry", "succeed", vm.lastCallGas().gasTotalUsed);
    }

    /// @dev The history is kept: a hundred sizes are anchored before the first one is measured.
    function _reachAMillion() private {
        for (uint64 size = STEP; size <= MILLION; size += STEP) {
            _anchorTo(size);
        }
    }

    function _cost(uint64 newSize) private returns (uint256) {
        (uint64 size,) = registry.head(logId);
        bytes32[] memory peaks = tree.peaks(size);
        bytes32[] memory subtrees = tree.grow(size, newSize, newSize);
        vm.prank(ANCHORER);
        registry.anchor(logId, newSize, peaks, subtrees);
        return vm.lastCallGas().gasTotalUsed;
    }

    function _report(string memory steps, uint256[] memory costs) private {
        uint256[] memory sorted = _sorted(costs);
        vm.snapshotValue("AnchorRegistry", string.concat("anchor at a million, ", steps, ": min"), sorted[0]);
        vm.snapshotValue("AnchorRegistry", string.concat("anchor at a million, ", steps, ": median"), sorted[STEPS / 2]);
        vm.snapshotValue("AnchorRegistry", string.concat("anchor at a million, ", steps, ": max"), sorted[STEPS - 1]);
    }

    function _sorted(uint256[] memory values) private pure returns (uint256[] memory sorted) {
        sorted = values;
        for (uint256 i = 1; i < sorted.length; ++i) {
            uint256 value = sorted[i];
            uint256 j = i;
            for (; j > 0 && sorted[j - 1] > value; --j) {
                sorted[j] = sorted[j - 1];
            }
            sorted[j] = value;
        }
    }
}
