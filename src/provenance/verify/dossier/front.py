"""The front of a dossier: its list of parts, the signature over it, and what each part is.

Rules: signature and hashes are looked at before anything of the evidence is parsed. Where the
signature does not hold, or a part of the evidence is not what the manifest lists, nobody answers
for what is inside: it is not parsed, and the dossier is INVALID.
"""

from dataclasses import dataclass
from typing import Final

from provenance.core.digests import sha256
from provenance.core.errors import ProofError, SignatureError
from provenance.core.jcs import JsonValue
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome, Verdict
from provenance.verify.dossier.manifest import Manifest, ManifestFile, ManifestSignature
from provenance.verify.dossier.report import DossierReport, FileReport

NO_TRUST: Final = "no trust file was given"
NOT_NAMED: Final = "the trust file does not name the log {origin}"
EVIDENCE: Final = frozenset({"anchors", "closing", "payloads", "receipts", "timestamps"})
"""Roles of the parts that are parsed."""
STOPPED: Final = "nothing but signature, sizes and hashes was looked at: they do not hold"
_NOT_READ: Final = "not looked at"

Finding = tuple[Outcome, str]


@dataclass(frozen=True, slots=True)
class Front:
    """What is known of a dossier before its evidence is parsed; nothing of it was judged.

    ``hashes`` are SHA-256 and size of each part as it is.
    """

    size: int
    members: int
    manifest: Manifest
    manifest_bytes: bytes
    signature: ManifestSignature
    hashes: dict[str, tuple[bytes, int]]


class FrontError(ProofError):
    """The front does not hold: nothing else is looked at. ``trust`` is whom the verifier trusts."""

    code = "bad-front"

    def __init__(self, front: Front, trust: TrustFile | None) -> None:
        super().__init__(STOPPED)
        self.front = front
        self.trust = trust


def check_front(front: Front, trust: TrustFile | None) -> None:
    """Refuse to go on where nobody answers for what is inside.

    Raises:
        FrontError: the signature does not hold, or the evidence is not what is listed.

    """
    is_signed = judge_signature(front, trust)[0] is not Outcome.INVALID
    listed = [file for file in front.manifest.files if file.role in EVIDENCE]
    if not is_signed or any(mismatch(front, file) for file in listed):
        raise FrontError(front, trust)


def judge_container(front: Front) -> Verdict:
    """The verdict on the file as a file, which was read without a refusal."""
    reason = f"{front.members} members, {front.size} bytes, each where the listing leads to"
    return Verdict("container", Outcome.VALID, reason)


def judge_signature(front: Front, trust: TrustFile | None) -> Finding:
    """Whether a key that the verifier trusts signed the manifest for a log that it names."""
    signature, manifest = front.signature, front.manifest
    if signature.origin not in manifest.origins:
        return Outcome.INVALID, "the manifest is signed for a log that it does not name"
    if trust is None:
        return Outcome.UNKNOWN, NO_TRUST
    log = trust.log(signature.origin)
    if log is None:
        return Outcome.UNKNOWN, NOT_NAMED.format(origin=signature.origin)
    key = next((key for key in log.keys if key.key_id == signature.key_id), None)
    if key is None:
        return Outcome.UNKNOWN, "the trust file does not name the key that signed the manifest"
    try:
        signature.check(front.manifest_bytes, key)
    except SignatureError as error:
        return Outcome.INVALID, str(error)
    return Outcome.VALID, f"the manifest is signed for {signature.origin} by a trusted key"


def mismatch(front: Front, file: ManifestFile) -> str:
    """Why a part that is there is not the one that is listed; empty if it is."""
    digest, size = front.hashes[file.name]
    if size != file.size:
        return f"has {size} bytes; the manifest says {file.size}"
    if digest != file.sha256:
        return "its SHA-256 is not the one that the manifest says"
    return ""


def details(file: ManifestFile) -> dict[str, JsonValue]:
    """Members of a file's report that are those of its line."""
    value = file.to_json()
    return {name: item for name, item in value.items() if name not in {"name", "role"}}


def about(front: Front) -> dict[str, JsonValue]:
    """What the manifest says of the dossier."""
    manifest = front.manifest
    value: dict[str, JsonValue] = {
        "created_at": manifest.created_at,
        "origins": list(manifest.origins),
        "subjects": list(manifest.subjects),
        "manifest_sha256": sha256(front.manifest_bytes).hex(),
    }
    if manifest.case is not None:
        value["case"] = dict(manifest.case)
    return value


def judge_front(front: Front, trust: TrustFile | None) -> DossierReport:
    """Report of a dossier whose front does not hold."""
    files = [_file(front, file) for file in front.manifest.files]
    wrong = next((file for file in files if file.outcome is Outcome.INVALID), None)
    outcome, reason = Outcome.UNKNOWN, _NOT_READ
    if wrong is not None:
        outcome, reason = Outcome.INVALID, f"{wrong.name}: {wrong.reason}"
    return DossierReport(
        checks=(
            judge_container(front),
            Verdict("signature", *judge_signature(front, trust)),
            Verdict("files", outcome, reason),
        ),
        files=tuple(files),
        about=about(front),
        qualifications=(STOPPED,),
    )


def _file(front: Front, file: ManifestFile) -> FileReport:
    wrong = mismatch(front, file) if file.state is None else ""
    outcome = Outcome.INVALID if wrong else Outcome.UNKNOWN
    return FileReport(
        name=file.name,
        role=file.role,
        details=details(file),
        outcome=outcome,
        reason=wrong or _NOT_READ,
    )
