// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorRegistry} from "../src/AnchorRegistry.sol";
import {IAnchorRegistry} from "../src/IAnchorRegistry.sol";
import {ReferenceTree} from "./ReferenceTree.sol";
import {vm} from "./Vm.sol";

/// @notice Everybody who calls the registry, honest or not, with any key, in any order. Keeps a
/// reference tree for each log and what the registry was seen to store, and knows of each call
/// whether it has to be accepted.
contract Everyone {
    using ReferenceTree for ReferenceTree.Tree;
    using ReferenceTree for bytes32[];

    uint256 private constant MOST_LOGS = 8;

    AnchorRegistry public immutable registry;
    address[] private people;

    bytes32[] public logIds;
    mapping(bytes32 logId => ReferenceTree.Tree) private trees;
    mapping(bytes32 logId => uint64[]) private sizes;
    mapping(bytes32 logId => uint64[]) private refusedSizes;
    mapping(bytes32 logId => mapping(uint64 size => bytes32)) public rootSeen;
    mapping(bytes32 logId => bytes32) public successorSeen;
    bytes[] private accepted;

    /// @param people_ administrator, recovery, anchorer, a thief who has the anchorer's powers, and
    /// somebody without any
    constructor(AnchorRegistry registry_, address[5] memory people_) {
        registry = registry_;
        people = people_;
        _open();
    }

    // The honest, and thieves who do what their key lets them do.

    function open() external {
        if (logIds.length < MOST_LOGS && registry.defaultAdmin() == people[0]) _open();
    }

    /// @dev Whose leaves these are does not matter to the registry, and nobody need know them.
    function anchor(uint256 whichLog, uint256 who, uint64 step, uint256 salt) external {
        bytes32 logId = _log(whichLog);
        uint64 size = _head(logId);
        uint64 newSize = size + _step(step);
        bytes32[] memory subtrees = ReferenceTree.arbitrary(ReferenceTree.coverCount(size, newSize), salt);
        bytes memory call = abi.encodeCall(IAnchorRegistry.anchor, (logId, newSize, trees[logId].peaks(size), subtrees));
        address caller = _person(who);
        bool may = registry.hasRole(registry.anchorRole(logId), caller) && successorSeen[logId] == 0;
        vm.assertTrue(_call(caller, call) == may, "an anchor is accepted from whoever may, and only then");
        if (!may) return;
        trees[logId].learn(size, newSize, subtrees);
        _note(logId, newSize);
        accepted.push(call);
    }

    function succeed(uint256 whichLog, uint256 who, uint256 whichSize) external {
        bytes32 logId = _log(whichLog);
        if (sizes[logId].length == 0 || logIds.length >= MOST_LOGS) return;
        uint64 size = sizes[logId][whichSize % sizes[logId].length];
        string memory origin = _freeOrigin();
        address caller = _person(who);
        bool may = registry.hasRole(registry.RECOVERY_ROLE(), caller) && successorSeen[logId] == 0;
        bytes memory call = abi.encodeCall(IAnchorRegistry.succeed, (logId, size, origin, "invariant"));
        vm.assertTrue(_call(caller, call) == may, "a succession is accepted from whoever may, and only then");
        if (!may) return;
        bytes32 newLogId = sha256(bytes(origin));
        successorSeen[logId] = newLogId;
        logIds.push(newLogId);
        trees[newLogId].learn(0, size, trees[logId].peaks(size));
        _note(newLogId, size);
        accepted.push(call);
        _appoint(newLogId);
    }

    // Attacks. None of these calls may be accepted, whoever makes it.

    function repeat(uint256 whichCall, uint256 who) external {
        if (accepted.length == 0) return;
        vm.assertFalse(_call(_person(who), accepted[whichCall % accepted.length]), "a repeated call");
    }

    /// @dev Honest subtrees upon a history in which one peak is another.
    function forge(uint256 whichLog, uint256 who, uint64 step, uint256 salt) external {
        bytes32 logId = _log(whichLog);
        uint64 size = _head(logId);
        bytes32[] memory peaks = trees[logId].peaks(size);
        if (peaks.length == 0) peaks = peaks.with(bytes32(salt));
        else peaks[salt % peaks.length] ^= bytes32(uint256(1) << uint8(salt >> 8));
        _refuses(logId, who, size, size + _step(step), peaks, salt);
    }

    /// @dev From an earlier size on: two histories, or a stale worker.
    function fork(uint256 whichLog, uint256 who, uint256 whichSize, uint64 step, uint256 salt) external {
        bytes32 logId = _log(whichLog);
        if (sizes[logId].length < 2) return;
        uint64 size = sizes[logId][whichSize % (sizes[logId].length - 1)];
        _refuses(logId, who, size, size + _step(step), trees[logId].peaks(size), salt);
    }

    /// @dev The right peaks, and as many hashes as one likes.
    function miscount(uint256 whichLog, uint256 who, uint64 step, uint8 count, uint256 salt) external {
        bytes32 logId = _log(whichLog);
        uint64 size = _head(logId);
        uint64 newSize = size + _step(step);
        if (count == ReferenceTree.coverCount(size, newSize)) return;
        bytes32[] memory subtrees = ReferenceTree.arbitrary(count, salt);
        _refusesCall(logId, who, newSize, trees[logId].peaks(size), subtrees);
    }

    /// @dev To the head's size or below it, or too far above.
    function misplace(uint256 whichLog, uint256 who, uint64 newSize, uint8 count, uint256 salt) external {
        bytes32 logId = _log(whichLog);
        uint64 size = _head(logId);
        if (newSize > size && newSize - size <= registry.MAX_STEP()) newSize = size;
        _refusesCall(logId, who, newSize, trees[logId].peaks(size), ReferenceTree.arbitrary(count, salt));
    }

    function succeedFromNowhere(uint256 whichLog, uint256 who, uint64 size) external {
        bytes32 logId = _log(whichLog);
        if (rootSeen[logId][size] != 0) return;
        bytes memory call = abi.encodeCall(IAnchorRegistry.succeed, (logId, size, _freeOrigin(), "invariant"));
        vm.assertFalse(_call(_person(who), call), "a succession from a size that was never anchored");
        refusedSizes[logId].push(size);
    }

    // Everything else that the contract offers; accepted or not, no stored root may change.

    function shuffleRoles(uint256 whichLog, uint256 who, uint8 what, uint8 role, uint256 whom) external {
        bytes32[3] memory roles = [bytes32(0), registry.RECOVERY_ROLE(), registry.anchorRole(_log(whichLog))];
        bytes4[3] memory selectors =
            [registry.grantRole.selector, registry.revokeRole.selector, registry.renounceRole.selector];
        _call(_person(who), abi.encodeWithSelector(selectors[what % 3], roles[role % 3], _person(whom)));
    }

    function handOver(uint256 who, uint8 what, uint256 whom, uint24 later) external {
        bytes[5] memory calls = [
            abi.encodeCall(registry.beginDefaultAdminTransfer, (_person(whom))),
            abi.encodeCall(registry.acceptDefaultAdminTransfer, ()),
            abi.encodeCall(registry.cancelDefaultAdminTransfer, ()),
            abi.encodeCall(registry.changeDefaultAdminDelay, (later)),
            abi.encodeCall(registry.rollbackDefaultAdminDelay, ())
        ];
        _call(_person(who), calls[what % 5]);
        vm.warp(block.timestamp + later);
    }

    /// @dev Bytes that no ABI knows of.
    function babble(uint256 who, bytes calldata data) external {
        _call(_person(who), data);
    }

    // What the invariants read.

    function logCount() external view returns (uint256) {
        return logIds.length;
    }

    function sizesSeen(bytes32 logId) external view returns (uint64[] memory) {
        return sizes[logId];
    }

    function sizesRefused(bytes32 logId) external view returns (uint64[] memory) {
        return refusedSizes[logId];
    }

    /// @notice The root of the log's one leaf sequence, as far as `size`.
    function referenceRoot(bytes32 logId, uint64 size) external returns (bytes32) {
        return trees[logId].rootOf(0, size);
    }

    function _open() private {
        string memory origin = _freeOrigin();
        vm.prank(people[0]);
        bytes32 logId = registry.openLog(origin);
        logIds.push(logId);
        _appoint(logId);
    }

    function _appoint(bytes32 logId) private {
        bytes32 role = registry.anchorRole(logId);
        for (uint256 i = 2; i < 4; ++i) {
            _call(registry.defaultAdmin(), abi.encodeCall(registry.grantRole, (role, people[i])));
        }
    }

    function _note(bytes32 logId, uint64 size) private {
        sizes[logId].push(size);
        rootSeen[logId][size] = registry.rootAt(logId, size);
        vm.assertEq(rootSeen[logId][size], trees[logId].rootOf(0, size), "the root that was stored");
    }

    function _refuses(bytes32 logId, uint256 who, uint64 size, uint64 newSize, bytes32[] memory peaks, uint256 salt)
        private
    {
        bytes32[] memory subtrees = ReferenceTree.arbitrary(ReferenceTree.coverCount(size, newSize), salt);
        _refusesCall(logId, who, newSize, peaks, subtrees);
    }

    function _refusesCall(bytes32 logId, uint256 who, uint64 newSize, bytes32[] memory peaks, bytes32[] memory subtrees)
        private
    {
        bytes memory call = abi.encodeCall(IAnchorRegistry.anchor, (logId, newSize, peaks, subtrees));
        vm.assertFalse(_call(_person(who), call), "an anchor that does not extend the log");
        if (rootSeen[logId][newSize] == 0) refusedSizes[logId].push(newSize);
    }

    function _call(address caller, bytes memory data) private returns (bool ok) {
        vm.prank(caller);
        (ok,) = address(registry).call(data);
    }

    function _head(bytes32 logId) private view returns (uint64) {
        return sizes[logId].length == 0 ? 0 : sizes[logId][sizes[logId].length - 1];
    }

    function _log(uint256 which) private view returns (bytes32) {
        return logIds[which % logIds.length];
    }

    /// @dev Every second caller has the anchoring key: most calls should get past the roles.
    function _person(uint256 who) private view returns (address) {
        return who % 2 == 0 ? people[2 + who / 2 % 2] : people[who / 2 % people.length];
    }

    /// @dev Mostly steps as in life, some of the largest.
    function _step(uint64 step) private view returns (uint64) {
        return 1 + step % (step % 7 == 0 ? registry.MAX_STEP() : step % 2 == 0 ? 20_000 : 16);
    }

    function _freeOrigin() private view returns (string memory) {
        return string.concat("log.example/", vm.toString(logIds.length));
    }
}
