// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAnchorRegistry} from "../src/IAnchorRegistry.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {RegistryTest} from "./RegistryTest.sol";
import {vm} from "./Vm.sol";

/// @notice The anchoring key is stolen, and what follows; and the rules of a succession.
contract SuccessionTest is RegistryTest {
    using ReferenceTree for ReferenceTree.Tree;

    string private constant NEW_ORIGIN = "log.example/parcels-2";
    string private constant REASON = "the anchoring key was stolen";

    ReferenceTree.Tree private successor;

    function setUp() public override {
        super.setUp();
        _anchorTo(7);
        _anchorTo(12);
    }

    /// @notice The attack from the theft to the recovery, in one piece.
    function test_a_stolen_anchoring_key_stops_a_log_but_cannot_rewrite_it_and_succession_carries_on() public {
        bytes32 good = registry.rootAt(logId, 12);

        // The thief can't rewrite: a tree of his own is no extension.
        vm.assertFalse(_accepts(13, ReferenceTree.arbitrary(2, 666), ReferenceTree.arbitrary(1, 666)), "rewritten");
        // He can stop the log: garbage on top, whose leaves nobody knows.
        bytes32[] memory garbage = tree.grow(12, 4_000_000, 666);
        vm.assertTrue(_accepts(4_000_000, tree.peaks(12), garbage), "stopped");
        bytes32[] memory honest = ReferenceTree.arbitrary(1, 1);
        vm.assertFalse(_accepts(13, tree.peaks(12), honest), "the honest worker can't go on");
        vm.assertEq(registry.rootAt(logId, 12), good, "history is untouched");

        bytes32 newLogId = _succeed(12);
        bytes32 newRole = registry.anchorRole(newLogId);

        // The stolen key is worth nothing any more, in the old log or in the new one.
        bytes32[] memory peaks = tree.peaks(12);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogClosed.selector, logId, newLogId));
        vm.prank(ANCHORER);
        registry.anchor(logId, 4_000_001, peaks, honest);
        _expectUnauthorized(ANCHORER, newRole);
        vm.prank(ANCHORER);
        registry.anchor(newLogId, 13, peaks, honest);

        // The log goes on under its new name: same leaves, same indexes, a new key.
        _appoint(newLogId, STRANGER);
        successor.learn(0, 12, peaks);
        successor.learn(12, 13, honest);
        vm.prank(STRANGER);
        registry.anchor(newLogId, 13, peaks, honest);
        vm.assertEq(registry.rootAt(newLogId, 13), successor.rootOf(0, 13), "carried on");
        vm.assertEq(registry.rootAt(newLogId, 12), good, "from the last good root");
    }

    function test_a_succession_is_announced_with_its_reason() public {
        bytes32 newLogId = sha256(bytes(NEW_ORIGIN));
        bytes32 root = registry.rootAt(logId, 7);
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.LogOpened(newLogId, NEW_ORIGIN);
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.Succeeded(logId, newLogId, 7, root, NEW_ORIGIN, REASON);
        _succeed(7);
    }

    function test_both_logs_tell_of_each_other() public {
        bytes32 newLogId = _succeed(7);
        (, IAnchorRegistry.State state,,, uint64 closedSize, bytes32 next) = registry.logInfo(logId);
        vm.assertTrue(state == IAnchorRegistry.State.Closed, "closed");
        vm.assertEq(closedSize, 7, "closed at");
        vm.assertEq(next, newLogId, "successor");

        string memory origin;
        uint64 startSize;
        bytes32 previous;
        (origin, state, startSize, previous,,) = registry.logInfo(newLogId);
        vm.assertTrue(state == IAnchorRegistry.State.Open, "open");
        vm.assertEq(origin, NEW_ORIGIN, "origin");
        vm.assertEq(startSize, 7, "starts at");
        vm.assertEq(previous, logId, "predecessor");
    }

    function test_the_successor_starts_at_the_size_and_root_of_the_succession() public {
        bytes32 newLogId = _succeed(7);
        (uint64 size, bytes32 root) = registry.head(newLogId);
        vm.assertEq(size, 7, "size");
        vm.assertEq(root, registry.rootAt(logId, 7), "root");
    }

    function test_checkpoints_above_a_succession_are_abandoned_yet_readable() public {
        bytes32 root = registry.rootAt(logId, 12);
        _succeed(7);
        vm.assertEq(registry.rootAt(logId, 12), root, "still readable");
        vm.assertTrue(registry.isAbandoned(logId, 12), "above");
        vm.assertFalse(registry.isAbandoned(logId, 7), "the size of the succession itself");
    }

    function test_inclusion_holds_up_to_the_succession_and_fails_above_it() public {
        for (uint64 i = 13; i <= 14; ++i) {
            _anchorTo(i);
        }
        bytes32 leaf = tree.perfect(0, 12);
        (bytes32[] memory at13, bytes32[] memory at14) = (tree.path(12, 13), tree.path(12, 14));
        vm.assertTrue(registry.verifyInclusion(logId, 14, 12, leaf, at14), "while the log is open");
        bytes32 newLogId = _succeed(13);
        vm.assertTrue(registry.verifyInclusion(logId, 13, 12, leaf, at13), "at the succession");
        vm.assertTrue(registry.verifyInclusion(newLogId, 13, 12, leaf, at13), "in the successor");
        vm.assertFalse(registry.verifyInclusion(logId, 14, 12, leaf, at14), "above the succession");
    }

    function test_nobody_but_recovery_closes_a_log() public {
        address[3] memory others = [ADMIN, ANCHORER, STRANGER];
        bytes32 role = registry.RECOVERY_ROLE();
        for (uint256 i = 0; i < others.length; ++i) {
            _expectUnauthorized(others[i], role);
            vm.prank(others[i]);
            registry.succeed(logId, 7, NEW_ORIGIN, REASON);
        }
    }

    function test_a_log_is_closed_once() public {
        bytes32 newLogId = _succeed(12);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogClosed.selector, logId, newLogId));
        vm.prank(RECOVERY);
        registry.succeed(logId, 7, "log.example/parcels-3", REASON);
    }

    function test_a_successor_may_itself_be_succeeded() public {
        bytes32 second = _succeed(12);
        vm.prank(RECOVERY);
        bytes32 third = registry.succeed(second, 12, "log.example/parcels-3", REASON);
        (,,, bytes32 previous,,) = registry.logInfo(third);
        vm.assertEq(previous, second, "predecessor");
        vm.assertEq(registry.rootAt(third, 12), registry.rootAt(logId, 12), "root");
    }

    function test_a_size_that_was_never_anchored_has_no_successor() public {
        uint64[4] memory sizes = [uint64(0), 8, 13, type(uint64).max];
        for (uint256 i = 0; i < sizes.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.NotAnchored.selector, logId, sizes[i]));
            _succeed(sizes[i]);
        }
    }

    function test_a_log_that_was_never_opened_has_no_successor() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.UnknownLog.selector, bytes32(uint256(1))));
        vm.prank(RECOVERY);
        registry.succeed(bytes32(uint256(1)), 7, NEW_ORIGIN, REASON);
    }

    function test_a_successor_takes_no_name_that_is_in_use_or_unfit() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogExists.selector, logId));
        vm.prank(RECOVERY);
        registry.succeed(logId, 7, ORIGIN, REASON);
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.InvalidOrigin.selector, "a b"));
        vm.prank(RECOVERY);
        registry.succeed(logId, 7, "a b", REASON);
    }

    function test_a_succession_has_a_reason_of_bounded_length() public {
        string[2] memory reasons = ["", string(new bytes(1_001))];
        for (uint256 i = 0; i < reasons.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.InvalidReason.selector));
            vm.prank(RECOVERY);
            registry.succeed(logId, 7, NEW_ORIGIN, reasons[i]);
        }
    }

    function _succeed(uint64 size) private returns (bytes32) {
        vm.prank(RECOVERY);
        return registry.succeed(logId, size, NEW_ORIGIN, REASON);
    }
}
