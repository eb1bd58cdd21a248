// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../src/AnchorRegistry.sol";
import {IAnchorRegistry} from "../src/IAnchorRegistry.sol";
import {RegistryTest} from "./RegistryTest.sol";
import {vm} from "./Vm.sol";

/// @notice Deploying the registry and opening logs in it.
contract OpeningTest is RegistryTest {
    function test_a_log_is_named_by_the_sha256_of_its_origin() public view {
        vm.assertEq(logId, sha256(bytes(ORIGIN)), "id returned by openLog");
        vm.assertEq(registry.logIdOf(ORIGIN), logId, "id by origin");
        (string memory origin, IAnchorRegistry.State state,,,,) = registry.logInfo(logId);
        vm.assertEq(origin, ORIGIN, "origin");
        vm.assertTrue(state == IAnchorRegistry.State.Open, "open");
    }

    function test_a_new_log_is_empty() public view {
        (uint64 size, bytes32 root) = registry.head(logId);
        vm.assertEq(size, 0, "size");
        vm.assertEq(root, 0, "root");
    }

    function test_opening_is_announced() public {
        string memory origin = "log.example/second";
        vm.expectEmit(address(registry));
        emit IAnchorRegistry.LogOpened(sha256(bytes(origin)), origin);
        vm.prank(ADMIN);
        registry.openLog(origin);
    }

    function test_nobody_but_the_administrator_opens_a_log() public {
        address[3] memory others = [RECOVERY, ANCHORER, STRANGER];
        for (uint256 i = 0; i < others.length; ++i) {
            _expectUnauthorized(others[i], 0);
            vm.prank(others[i]);
            registry.openLog("log.example/second");
        }
    }

    function test_an_origin_is_opened_once() public {
        vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.LogExists.selector, logId));
        vm.prank(ADMIN);
        registry.openLog(ORIGIN);
    }

    function test_an_origin_that_a_signed_note_could_not_carry_is_refused() public {
        string[7] memory origins = [
            "", "log example", "log.example/a+b", "log.example\n1", "log.example/\u00e9", "log.example/\x7f", _long(256)
        ];
        for (uint256 i = 0; i < origins.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.InvalidOrigin.selector, origins[i]));
            vm.prank(ADMIN);
            registry.openLog(origins[i]);
        }
        vm.prank(ADMIN);
        registry.openLog(_long(255));
    }

    function test_the_recovery_role_needs_a_holder_other_than_the_administrator() public {
        address[2] memory wrong = [address(0), ADMIN];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IAnchorRegistry.InvalidRecovery.selector, wrong[i]));
            new AnchorRegistry(DELAY, ADMIN, wrong[i]);
        }
    }

    function test_the_administrator_can_neither_appoint_nor_dismiss_recovery() public {
        bytes32 role = registry.RECOVERY_ROLE();
        _expectUnauthorized(ADMIN, role);
        vm.prank(ADMIN);
        registry.grantRole(role, STRANGER);
        _expectUnauthorized(ADMIN, role);
        vm.prank(ADMIN);
        registry.revokeRole(role, RECOVERY);
    }

    function test_recovery_appoints_a_second_holder() public {
        bytes32 role = registry.RECOVERY_ROLE();
        vm.prank(RECOVERY);
        registry.grantRole(role, STRANGER);
        vm.assertTrue(registry.hasRole(role, STRANGER), "appointed");
    }

    function test_the_administration_changes_hands_in_two_steps_after_the_delay() public {
        vm.prank(ADMIN);
        registry.beginDefaultAdminTransfer(STRANGER);
        vm.warp(block.timestamp + DELAY + 1);
        vm.prank(STRANGER);
        registry.acceptDefaultAdminTransfer();
        vm.assertTrue(registry.defaultAdmin() == STRANGER, "handed over");
    }

    function _long(uint256 length) private pure returns (string memory) {
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = "a";
        }
        return string(text);
    }
}
