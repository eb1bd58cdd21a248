// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {AnchorRegistry} from "../src/AnchorRegistry.sol";
import {IAnchorRegistry} from "../src/IAnchorRegistry.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {vm} from "./Vm.sol";

/// @notice A registry with one open log, its people, and the log's tree as it should be.
abstract contract RegistryTest {
    using ReferenceTree for ReferenceTree.Tree;

    uint48 internal constant DELAY = 1 days;
    /// @dev The contract as foundry.toml pins it; beside it lies one that is compiled as the tests are.
    string internal constant PINNED = "out/AnchorRegistry.sol/AnchorRegistry.json";
    string internal constant ORIGIN = "log.example/parcels";

    address internal immutable ADMIN = vm.addr(1);
    address internal immutable RECOVERY = vm.addr(2);
    address internal immutable ANCHORER = vm.addr(3);
    address internal immutable STRANGER = vm.addr(4);

    AnchorRegistry internal registry;
    bytes32 internal logId;
    ReferenceTree.Tree internal tree;

    function setUp() public virtual {
        registry = AnchorRegistry(vm.deployCode(PINNED, abi.encode(DELAY, ADMIN, RECOVERY)));
        vm.prank(ADMIN);
        logId = registry.openLog(ORIGIN);
        _appoint(logId, ANCHORER);
    }

    function _appoint(bytes32 log, address anchorer) internal {
        bytes32 role = registry.anchorRole(log);
        vm.prank(ADMIN);
        registry.grantRole(role, anchorer);
    }

    /// @dev Grows the tree from the head to `newSize` and anchors it, as the worker would.
    function _anchorTo(uint64 newSize) internal returns (bytes32 root) {
        (uint64 size,) = registry.head(logId);
        bytes32[] memory peaks = tree.peaks(size);
        bytes32[] memory subtrees = tree.grow(size, newSize, newSize);
        vm.prank(ANCHORER);
        registry.anchor(logId, newSize, peaks, subtrees);
        return tree.rootOf(0, newSize);
    }

    /// @dev Tries to anchor with the anchoring key; says whether it was accepted.
    function _accepts(uint64 newSize, bytes32[] memory peaks, bytes32[] memory subtrees) internal returns (bool ok) {
        bytes memory call = abi.encodeCall(IAnchorRegistry.anchor, (logId, newSize, peaks, subtrees));
        vm.prank(ANCHORER);
        (ok,) = address(registry).call(call);
    }

    function _expectUnauthorized(address account, bytes32 role) internal {
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, account, role));
    }

    /// @dev Maps any number into [low, high].
    function _within(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + value % (high - low + 1);
    }
}
