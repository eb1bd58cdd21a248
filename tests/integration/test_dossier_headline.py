"""What the command line says first of a dossier where the wrong things were brought to it."""

import io

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fixtures.dossiers import Case, rebuilt, resigned
from provenance.cli.exits import INVALID
from provenance.cli.headlines import why_dossier
from provenance.core.notes import Signer
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.report import DossierReport
from provenance.verify.dossier.run import verify_dossier

pytestmark = pytest.mark.services


def verify(case: Case, data: bytes, trust: TrustFile | None) -> DossierReport:
    return verify_dossier(io.BytesIO(data), trust=trust, vouches=named([case.block]))


def why(report: DossierReport) -> str:
    assert report.outcome is Outcome.INVALID
    return why_dossier(report, INVALID)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("keys",), "signature: the trust file does not name the key that signed the manifest"),
        (("keys", "contract"), "signature: the trust file does not name the key that signed"),
        (("contract",), "closing: the anchor's contract is not the trusted one"),
    ],
)
def test_another_operators_trust_file_is_said_before_what_comes_of_it(
    dossier_case: Case, changes: tuple[str, ...], said: str
) -> None:
    origin = dossier_case.log.origin
    others = {
        "keys": (Signer(origin, Ed25519PrivateKey.generate()).verifier(),),
        "contract": bytes(20),
    }
    trust = dossier_case.log.trust(**{name: others[name] for name in changes})
    report = verify(dossier_case, dossier_case.data, trust)
    assert why(report).startswith(said)


@pytest.mark.parametrize("has_trust", [True, False])
def test_a_file_that_was_exchanged_is_said_first_where_the_log_is_the_trusted_one(
    dossier_case: Case, has_trust: bool
) -> None:
    data = rebuilt(
        dossier_case.data,
        lambda name, part: part[::-1] if name.startswith("documents/0001") else part,
    )
    data = resigned(data, dossier_case.log.signer)
    trust = dossier_case.log.trust() if has_trust else None
    report = verify(dossier_case, data, trust)
    assert why(report).startswith("files: documents/0001-Invoice-1.pdf: ")
