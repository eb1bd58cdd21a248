// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "../src/IAnchorRegistry.sol";
import {Everyone} from "./Everyone.sol";
import {RegistryTest} from "./RegistryTest.sol";
import {vm} from "./Vm.sol";

/// @notice What stays true whatever anybody calls in whatever order.
contract InvariantTest is RegistryTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Everyone private everyone;

    function setUp() public override {
        super.setUp();
        everyone = new Everyone(registry, [ADMIN, RECOVERY, ANCHORER, vm.addr(5), STRANGER]);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(everyone);
    }

    /// @dev `anchor` thrice, so that logs have a history to attack.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[14] memory selectors = [
            Everyone.open.selector,
            Everyone.anchor.selector,
            Everyone.anchor.selector,
            Everyone.anchor.selector,
            Everyone.succeed.selector,
            Everyone.repeat.selector,
            Everyone.forge.selector,
            Everyone.fork.selector,
            Everyone.miscount.selector,
            Everyone.misplace.selector,
            Everyone.succeedFromNowhere.selector,
            Everyone.shuffleRoles.selector,
            Everyone.handOver.selector,
            Everyone.babble.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0].addr = address(everyone);
        targets[0].selectors = new bytes4[](selectors.length);
        for (uint256 i = 0; i < selectors.length; ++i) {
            targets[0].selectors[i] = selectors[i];
        }
    }

    /// @dev The reference tree only ever grows, so roots that are all its are extensions of each other.
    function invariant_every_stored_root_is_that_of_one_growing_tree_and_never_changes() public {
        for (uint256 i = 0; i < everyone.logCount(); ++i) {
            bytes32 log = everyone.logIds(i);
            uint64[] memory sizes = everyone.sizesSeen(log);
            for (uint256 j = 0; j < sizes.length; ++j) {
                bytes32 stored = registry.rootAt(log, sizes[j]);
                vm.assertEq(stored, everyone.rootSeen(log, sizes[j]), "a stored root changed");
                vm.assertEq(stored, everyone.referenceRoot(log, sizes[j]), "not an extension");
            }
        }
    }

    function invariant_a_refused_call_stores_nothing() public view {
        for (uint256 i = 0; i < everyone.logCount(); ++i) {
            bytes32 log = everyone.logIds(i);
            uint64[] memory sizes = everyone.sizesRefused(log);
            for (uint256 j = 0; j < sizes.length; ++j) {
                vm.assertEq(
                    registry.rootAt(log, sizes[j]), everyone.rootSeen(log, sizes[j]), "a refused call left a root"
                );
            }
        }
    }

    function invariant_the_head_is_the_last_size_anchored_and_sizes_only_rise() public view {
        for (uint256 i = 0; i < everyone.logCount(); ++i) {
            bytes32 log = everyone.logIds(i);
            uint64[] memory sizes = everyone.sizesSeen(log);
            (uint64 size, bytes32 root) = registry.head(log);
            vm.assertEq(size, sizes.length == 0 ? 0 : sizes[sizes.length - 1], "head");
            vm.assertEq(root, registry.rootAt(log, size), "root of the head");
            for (uint256 j = 1; j < sizes.length; ++j) {
                vm.assertTrue(sizes[j - 1] < sizes[j], "sizes rise");
            }
        }
    }

    function invariant_a_log_is_closed_once_and_its_successor_goes_on_from_one_of_its_roots() public view {
        for (uint256 i = 0; i < everyone.logCount(); ++i) {
            bytes32 log = everyone.logIds(i);
            (, IAnchorRegistry.State state,,, uint64 closedSize, bytes32 next) = registry.logInfo(log);
            vm.assertEq(next, everyone.successorSeen(log), "successor");
            vm.assertTrue((state == IAnchorRegistry.State.Closed) == (next != 0), "closed by succession alone");
            if (next == 0) continue;
            (,, uint64 startSize, bytes32 previous,,) = registry.logInfo(next);
            vm.assertEq(previous, log, "predecessor");
            vm.assertEq(startSize, closedSize, "size");
            vm.assertEq(registry.rootAt(next, startSize), registry.rootAt(log, closedSize), "root");
        }
    }
}
