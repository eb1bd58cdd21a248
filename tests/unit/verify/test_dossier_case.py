"""What the acts of a case name, held against the subjects of a dossier."""

import io
from dataclasses import replace

from fixtures.dossiers import PARCEL as SHIPMENT
from fixtures.forged_cases import CASE, NAME, act
from fixtures.small_log import PARCEL, START_MS, SmallLog
from provenance.evidence.dossier.build import build_dossier
from provenance.evidence.dossier.content import DossierContent, DossierEvent
from provenance.verify.dossier.case import CaseOf
from provenance.verify.dossier.closing import Closing
from provenance.verify.dossier.reading import Dossier, read_dossier


class Listed(tuple[str, ...]):
    """Subjects that count how often one is looked for among all of them."""

    searches = 0

    def __contains__(self, name: object) -> bool:
        self.searches += 1
        return super().__contains__(name)


def dossier_of_acts() -> Dossier:
    """A case that was opened and moved on, without its shipment."""
    log = SmallLog()
    acts = [act(0, "opened", claim="damage"), act(1, "state_changed", to="submitted")]
    for payload in acts:
        log.append(CASE, payload=payload, kind="case")
    size = log.anchor()
    content = DossierContent(
        origins=(log.origin,),
        subjects=(CASE, PARCEL),
        receipts=tuple(log.receipt(index) for index in range(size)),
        closing=Closing(log.checkpoint(size), log.anchor_record(size), ()),
        anchors=(),
        events=tuple(DossierEvent(index, payload) for index, payload in enumerate(acts)),
        case=NAME,
    )
    file = io.BytesIO()
    build_dossier(file, content, signer=log.signers[0], created_at=START_MS)
    return read_dossier(file, trust=log.trust())


def test_a_shipment_is_looked_up_and_not_searched_for_among_all_subjects() -> None:
    """Sixteen shipments of 50,000 acts among 1,024 subjects would take minutes."""
    dossier = dossier_of_acts()
    subjects = Listed(dossier.manifest.subjects)
    manifest = replace(dossier.manifest, subjects=subjects)
    case = CaseOf(replace(dossier, manifest=manifest), {})
    [said] = case.missing()
    assert said.endswith(f"whose trails are not in it: {SHIPMENT}")
    assert subjects.searches == 0
