"""Why a file is no dossier: one error for each way of breaking the container's profile.

``offset`` is the place in the file, in bytes; None where a rule about the whole is broken.
"""

from provenance.core.errors import FormatError, ProofError


class ContainerError(FormatError):
    """Root of what the container's profile refuses."""

    code = "bad-container"

    def __init__(self, message: str, *, where: str = "", offset: int | None = None) -> None:
        super().__init__(message, where=where)
        self.reason = message
        self.offset = offset


class EmptyFileError(ContainerError):
    """No bytes at all, or an archive without members."""

    code = "empty"


class NotZipError(ContainerError):
    """Another type of file, or one that was cut."""

    code = "not-a-zip"


class ContainerTooLargeError(ContainerError):
    """Larger than the profile allows."""

    code = "container-too-large"


class LeadingDataError(ContainerError):
    """Bytes before the first member: the file is something else as well."""

    code = "leading-data"


class TrailingDataError(ContainerError):
    """Bytes after the end record, or a comment in it."""

    code = "trailing-data"


class GapError(ContainerError):
    """Bytes between members that belong to none."""

    code = "gap"


class OverlapError(ContainerError):
    """Members that share bytes."""

    code = "overlapping-members"


class FalseSizeError(ContainerError):
    """A header that claims more bytes than the file has."""

    code = "false-size"


class TooManyMembersError(ContainerError):
    """More members than the profile allows."""

    code = "too-many-members"


class CompressedError(ContainerError):
    """A compressed member: it could grow without bound."""

    code = "compressed-member"


class EncryptedError(ContainerError):
    """An encrypted member."""

    code = "encrypted-member"


class DataDescriptorError(ContainerError):
    """A member whose size stands after it."""

    code = "data-descriptor"


class LinkError(ContainerError):
    """A link, a device or another special file."""

    code = "link"


class ExtraFieldError(ContainerError):
    """An extra field."""

    code = "extra-field"


class CommentError(ContainerError):
    """A comment of a member."""

    code = "comment"


class Zip64Error(ContainerError):
    """ZIP64 records: a dossier is smaller than they are for."""

    code = "zip64"


class HeaderError(ContainerError):
    """A header that is not, byte for byte, what the listing leads to."""

    code = "bad-header"


class AbsoluteNameError(ContainerError):
    """A name that begins at the root, on a drive or on another machine."""

    code = "absolute-name"


class TraversalError(ContainerError):
    """A name that leads out of its folder."""

    code = "path-traversal"


class NameNotAsciiError(ContainerError):
    """A name that could be spelled in two ways."""

    code = "name-not-ascii"


class MemberNameError(ContainerError):
    """A name that the profile does not allow for another reason."""

    code = "bad-name"


class DuplicateNameError(ContainerError):
    """Two members of one name."""

    code = "duplicate-name"


class NamesAlikeError(ContainerError):
    """Two names that are one on a system which does not tell large letters from small."""

    code = "names-alike"


class OrderError(ContainerError):
    """Members that are not sorted by name."""

    code = "not-sorted"


class MemberError(ContainerError):
    """A member that must be there is missing, or one that may not be there is."""

    code = "bad-members"


class UndeclaredArchiveError(ContainerError):
    """A member that is an archive, though the manifest says that it is something else."""

    code = "undeclared-archive"


class ChecksumError(ProofError):
    """A member whose bytes are not those of its CRC-32 or of its manifest's SHA-256."""

    code = "bad-checksum"

    def __init__(self, message: str, *, where: str, offset: int) -> None:
        super().__init__(f"{where}: {message}")
        self.reason = message
        self.where = where
        self.offset = offset


class TokenError(ProofError):
    """A time stamp that is not over its checkpoint, or not by a trusted authority."""

    code = "bad-timestamp"


class UnnamedAuthorityError(TokenError):
    """A time stamp of an authority that the verifier does not name; ``by`` is what it says."""

    code = "unnamed-authority"

    def __init__(self, by: str) -> None:
        super().__init__(f"the time stamp is by {by}, which is not an authority that was named")
        self.by = by


class CertificateError(FormatError):
    """A file of certificates of time-stamping authorities that holds none."""

    code = "bad-certificate"


class RlpError(ProofError):
    """Bytes that are not RLP in its one canonical spelling."""

    code = "bad-rlp"


class TrieProofError(ProofError):
    """A Merkle-Patricia proof that does not lead to its root, or holds nothing at its key."""

    code = "bad-trie-proof"


class BlockProofError(ProofError):
    """A header, transaction or receipt that is not what the proof needs."""

    code = "bad-block-proof"
