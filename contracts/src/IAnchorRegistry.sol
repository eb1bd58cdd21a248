// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Registry of the anchored checkpoints of many append-only logs
/// @notice A log is an RFC 9162 Merkle tree, named by its origin. The registry stores a root only
/// if its tree provably extends the tree of the root before. It holds origins, sizes and roots and
/// nothing else: no member, no shipment, no personal data. It has no proxy and no back door.
/// @dev Tree: a node is SHA-256(0x01 || left || right); a leaf hash comes from outside the contract.
interface IAnchorRegistry {
    /// @notice The life of a log. `Unknown` becomes `Open` once, `Open` becomes `Closed` once.
    enum State {
        Unknown,
        Open,
        Closed
    }

    /// @notice A log was opened, by the administrator or as the successor of another.
    event LogOpened(bytes32 indexed logId, string origin);

    /// @notice A checkpoint was accepted: the tree of `size` entries extends that of `oldSize`.
    event Anchored(bytes32 indexed logId, uint64 indexed size, bytes32 root, uint64 oldSize);

    /// @notice A log was closed and goes on as `newLogId` from (`size`, `root`). Checkpoints of
    /// `logId` above `size` are abandoned.
    event Succeeded(
        bytes32 indexed logId, bytes32 indexed newLogId, uint64 size, bytes32 root, string newOrigin, string reason
    );

    /// @notice The call does not extend the log: it is stale or repeated, or `peaks` are not those
    /// of the log's head. Read the head and build the call again.
    /// @param size the size of the log's head
    /// @param newSize the size that was asked for
    error NotAnExtension(uint64 size, uint64 newSize);

    /// @notice `peaks` fit the head, but `subtrees` are too few or too many for [size, newSize).
    error SubtreesDoNotFit(uint64 size, uint64 newSize, uint256 given);

    /// @notice One call may add at most `MAX_STEP` entries.
    error StepTooLarge(uint64 size, uint64 newSize);

    /// @notice No log of this id was opened.
    error UnknownLog(bytes32 logId);

    /// @notice The log was closed. Its successor goes on.
    error LogClosed(bytes32 logId, bytes32 successor);

    /// @notice A log of this origin was opened before.
    error LogExists(bytes32 logId);

    /// @notice The log holds no root at this size.
    error NotAnchored(bytes32 logId, uint64 size);

    /// @notice An origin has 1 to 255 visible ASCII characters and no plus sign (C2SP signed-note).
    error InvalidOrigin(string origin);

    /// @notice The reason of a succession has 1 to 1,000 bytes.
    error InvalidReason();

    /// @notice The recovery role belongs to somebody, and to another one than the administrator.
    error InvalidRecovery(address recovery);

    /// @notice Opens an empty log. Only the administrator may.
    /// @param origin the log's name
    /// @return logId SHA-256 of the origin
    function openLog(string calldata origin) external returns (bytes32 logId);

    /// @notice Stores the root of the log's tree of `newSize` entries. Only a holder of
    /// `anchorRole(logId)` may, and nobody can store a root that does not extend the last one.
    /// @param logId the log
    /// @param newSize number of entries of the new tree, above the head's by at most `MAX_STEP`
    /// @param peaks roots of the perfect subtrees of the head's tree, largest (left) to smallest,
    /// one for each bit that is set in its size; none for the empty log
    /// @param subtrees roots of the largest aligned perfect subtrees that cover [size, newSize),
    /// left to right
    function anchor(bytes32 logId, uint64 newSize, bytes32[] calldata peaks, bytes32[] calldata subtrees) external;

    /// @notice Closes a log for good and opens its successor at an anchored size and root. Only a
    /// holder of `RECOVERY_ROLE` may, once for each log. Nobody holds the successor's anchoring
    /// role until the administrator grants it, so a stolen key does not carry on.
    /// @param logId the log to close
    /// @param size an anchored size of it, from which the successor goes on
    /// @param newOrigin the successor's name
    /// @param reason why, in plain words, for the public
    /// @return newLogId SHA-256 of the new origin
    function succeed(bytes32 logId, uint64 size, string calldata newOrigin, string calldata reason)
        external
        returns (bytes32 newLogId);

    /// @notice The root anchored for a tree of exactly `size` entries; zero if there is none.
    /// @dev A stored root never changes. One above the size of a succession stays readable and is
    /// abandoned: see `isAbandoned`.
    function rootAt(bytes32 logId, uint64 size) external view returns (bytes32 root);

    /// @notice The last size and root stored; both are zero while nothing is anchored.
    function head(bytes32 logId) external view returns (uint64 size, bytes32 root);

    /// @notice Where a log comes from and where it goes on.
    /// @return origin the log's name
    /// @return state whether it is open
    /// @return startSize size at which it took over from its predecessor, 0 without one
    /// @return predecessor id of the log it succeeded, zero without one
    /// @return closedSize size at which its successor took over, 0 while it is open
    /// @return successor id of the log that goes on, zero while it is open
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
        );

    /// @notice Whether a checkpoint of this size lies above the size at which the log was closed.
    function isAbandoned(bytes32 logId, uint64 size) external view returns (bool);

    /// @notice Whether the tree anchored at `size` holds `leafHash` at `index` (RFC 9162 2.1.3.2).
    /// False as well if nothing is anchored at this size or the checkpoint is abandoned.
    /// @param leafHash SHA-256(0x00 || entry)
    /// @param path the inclusion path, from the leaf's sibling up
    function verifyInclusion(bytes32 logId, uint64 size, uint64 index, bytes32 leafHash, bytes32[] calldata path)
        external
        view
        returns (bool);

    /// @notice The id of the log of this origin, opened or not.
    function logIdOf(string calldata origin) external pure returns (bytes32 logId);

    /// @notice The role that may anchor this log; the administrator grants and revokes it.
    function anchorRole(bytes32 logId) external pure returns (bytes32 role);
}
