// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {IAnchorRegistry} from "./IAnchorRegistry.sol";
import {Rfc9162Tree} from "./Rfc9162Tree.sol";

/// @title Registry of the anchored checkpoints of many append-only logs
/// @dev Three kinds of keys, and none of them can change a stored root or store one that is not an
/// extension: the administrator opens logs and grants anchoring roles; an anchoring key extends its
/// one log; a recovery key closes a log and opens its successor. Recovery holders appoint each
/// other, so that the administrator's key alone can't take that role.
contract AnchorRegistry is IAnchorRegistry, AccessControlDefaultAdminRules {
    struct Log {
        // The first four share one slot, and `anchor` touches no other but those of the two roots.
        State state;
        uint64 size;
        uint64 startSize;
        uint64 closedSize;
        bytes32 predecessor;
        bytes32 successor;
        string origin;
        mapping(uint64 size => bytes32 root) roots;
    }

    /// @notice The role that closes a log and opens its successor; meant for a key kept offline.
    bytes32 public constant RECOVERY_ROLE = keccak256("RECOVERY_ROLE");

    /// @notice Most entries that one anchor may add; it bounds the work of a call.
    uint64 public constant MAX_STEP = 2 ** 32;

    uint256 private constant MAX_ORIGIN_LENGTH = 255;
    uint256 private constant MAX_REASON_LENGTH = 1_000;

    mapping(bytes32 logId => Log) private _logs;

    /// @param initialDelay seconds between the two steps that hand the administration over
    /// @param initialAdmin first administrator
    /// @param initialRecovery first holder of the recovery role; another person than the administrator
    constructor(uint48 initialDelay, address initialAdmin, address initialRecovery)
        AccessControlDefaultAdminRules(initialDelay, initialAdmin)
    {
        if (initialRecovery == address(0) || initialRecovery == initialAdmin) {
            revert InvalidRecovery(initialRecovery);
        }
        _setRoleAdmin(RECOVERY_ROLE, RECOVERY_ROLE);
        _grantRole(RECOVERY_ROLE, initialRecovery);
    }

    /// @inheritdoc IAnchorRegistry
    function openLog(string calldata origin) external onlyRole(DEFAULT_ADMIN_ROLE) returns (bytes32 logId) {
        (logId,) = _open(origin);
    }

    /// @inheritdoc IAnchorRegistry
    function anchor(bytes32 logId, uint64 newSize, bytes32[] calldata peaks, bytes32[] calldata subtrees)
        external
        onlyRole(anchorRole(logId))
    {
        Log storage log = _openLog(logId);
        uint64 size = log.size;
        if (newSize <= size) revert NotAnExtension(size, newSize);
        if (newSize - size > MAX_STEP) revert StepTooLarge(size, newSize);

        bytes32 root = Rfc9162Tree.extend(log.roots[size], size, newSize, peaks, subtrees);
        log.size = newSize;
        log.roots[newSize] = root;
        emit Anchored(logId, newSize, root, size);
    }

    /// @inheritdoc IAnchorRegistry
    function succeed(bytes32 logId, uint64 size, string calldata newOrigin, string calldata reason)
        external
        onlyRole(RECOVERY_ROLE)
        returns (bytes32 newLogId)
    {
        Log storage log = _openLog(logId);
        bytes32 root = log.roots[size];
        if (root == 0) revert NotAnchored(logId, size);
        if (bytes(reason).length == 0 || bytes(reason).length > MAX_REASON_LENGTH) revert InvalidReason();

        Log storage next;
        (newLogId, next) = _open(newOrigin);
        next.size = size;
        next.startSize = size;
        next.predecessor = logId;
        next.roots[size] = root;
        log.state = State.Closed;
        log.closedSize = size;
        log.successor = newLogId;
        emit Succeeded(logId, newLogId, size, root, newOrigin, reason);
    }

    /// @inheritdoc IAnchorRegistry
    function rootAt(bytes32 logId, uint64 size) external view returns (bytes32 root) {
        return _logs[logId].roots[size];
    }

    /// @inheritdoc IAnchorRegistry
    function head(bytes32 logId) external view returns (uint64 size, bytes32 root) {
        Log storage log = _logs[logId];
        size = log.size;
        root = log.roots[size];
    }

    /// @inheritdoc IAnchorRegistry
    function logInfo(bytes32 logId)
        external
        view
        returns (
            string memory origin,
            State state,
            uint64 startSize,
            bytes32 predecessor,
            uint64 closedSize,
            bytes32 successor
        )
    {
        Log storage log = _logs[logId];
        return (log.origin, log.state, log.startSize, log.predecessor, log.closedSize, log.successor);
    }

    /// @inheritdoc IAnchorRegistry
    function verifyInclusion(bytes32 logId, uint64 size, uint64 index, bytes32 leafHash, bytes32[] calldata path)
        external
        view
        returns (bool)
    {
        bytes32 root = _logs[logId].roots[size];
        return root != 0 && !isAbandoned(logId, size) && Rfc9162Tree.includes(root, size, index, leafHash, path);
    }

    /// @inheritdoc IAnchorRegistry
    function isAbandoned(bytes32 logId, uint64 size) public view returns (bool) {
        Log storage log = _logs[logId];
        return log.state == State.Closed && size > log.closedSize;
    }

    /// @inheritdoc IAnchorRegistry
    function logIdOf(string calldata origin) public pure returns (bytes32 logId) {
        return sha256(bytes(origin));
    }

    /// @inheritdoc IAnchorRegistry
    function anchorRole(bytes32 logId) public pure returns (bytes32 role) {
        return keccak256(abi.encode(keccak256("ANCHOR_ROLE"), logId));
    }

    /// @dev Opens an empty log and gives its storage.
    function _open(string calldata origin) private returns (bytes32 logId, Log storage log) {
        _requireOrigin(origin);
        logId = logIdOf(origin);
        log = _logs[logId];
        if (log.state != State.Unknown) revert LogExists(logId);
        log.state = State.Open;
        log.origin = origin;
        emit LogOpened(logId, origin);
    }

    /// @dev The storage of a log that is open, or a revert that says why not.
    function _openLog(bytes32 logId) private view returns (Log storage log) {
        log = _logs[logId];
        State state = log.state;
        if (state == State.Unknown) revert UnknownLog(logId);
        if (state == State.Closed) revert LogClosed(logId, log.successor);
    }

    /// @dev An origin is the key name and the first line of every signed note: a space, a line break
    /// or a plus sign in it would make two readings of one note possible.
    function _requireOrigin(string calldata origin) private pure {
        bytes calldata text = bytes(origin);
        if (text.length == 0 || text.length > MAX_ORIGIN_LENGTH) revert InvalidOrigin(origin);
        for (uint256 i = 0; i < text.length; ++i) {
            if (text[i] <= 0x20 || text[i] >= 0x7f || text[i] == "+") revert InvalidOrigin(origin);
        }
    }
}
