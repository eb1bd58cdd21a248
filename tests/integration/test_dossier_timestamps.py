"""Time stamps in a dossier: additions that nobody has to believe, and that may not be wrong."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.commands import provenance
from fixtures.dossiers import Case, resigned
from fixtures.tsa import Authority, over_closing, over_first, stamped
from provenance.core.verdict import Outcome
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.errors import CertificateError
from provenance.verify.dossier.report import DossierReport
from provenance.verify.dossier.run import verify_dossier
from provenance.verify.dossier.timestamps import Timestamp
from provenance.verify.dossier.tokens import read_certificates, trusting

pytestmark = pytest.mark.services


def verify(case: Case, data: bytes, authority: Authority | None) -> DossierReport:
    check = None
    if authority is not None:
        check = trusting(read_certificates(authority.root.read_bytes()))
    return verify_dossier(
        io.BytesIO(data),
        trust=case.log.trust(),
        vouches=named([case.block]),
        check_token=check,
    )


def finding(report: DossierReport) -> tuple[str, str]:
    assert report.refusal is None, report.refusal
    verdict = report.checks[-1]
    assert verdict.check == "timestamps"
    return verdict.outcome.value, verdict.reason


def test_a_dossier_without_time_stamps_says_nothing_of_them(dossier_case: Case) -> None:
    report = verify(dossier_case, dossier_case.data, None)
    assert "timestamps" not in {check.check for check in report.checks}


def test_every_entry_existed_when_the_authority_stamped_the_closing_checkpoint(
    dossier_case: Case, authority: Authority
) -> None:
    stamp = over_closing(dossier_case, authority)
    assert authority.accepts(dossier_case.content.closing.checkpoint.encode(), stamp.token)
    report = verify(dossier_case, stamped(dossier_case, stamp), authority)
    assert report.outcome is Outcome.VALID, report.to_json()
    outcome, reason = finding(report)
    assert outcome == "VALID"
    assert reason.startswith("all 5 entries existed by ")
    assert reason.endswith(" UTC, says CN=TSA")


def test_an_earlier_stamp_covers_the_entries_below_it(
    dossier_case: Case, authority: Authority
) -> None:
    first = over_first(dossier_case, authority)
    outcome, reason = finding(verify(dossier_case, stamped(dossier_case, first), authority))
    assert (outcome, reason[:26]) == ("VALID", "3 of 5 entries existed by ")
    both = stamped(dossier_case, first, over_closing(dossier_case, authority))
    assert finding(verify(dossier_case, both, authority))[1].startswith("all 5 entries")


def test_nobody_has_to_believe_an_authority(dossier_case: Case, authority: Authority) -> None:
    data = stamped(dossier_case, over_closing(dossier_case, authority))
    report = verify(dossier_case, data, None)
    assert report.outcome is Outcome.VALID
    outcome, reason = finding(report)
    assert (outcome, reason[:47]) == ("UNKNOWN", "1 time stamp of a time-stamping authority, not ")


def test_a_stranger_of_the_same_name_is_not_believed(
    dossier_case: Case, authority: Authority, stranger: Authority
) -> None:
    data = stamped(dossier_case, over_closing(dossier_case, stranger))
    report = verify(dossier_case, data, authority)
    assert report.outcome is Outcome.INVALID
    assert "not by a trusted authority" in finding(report)[1]


def test_an_authority_that_is_not_named_is_unknown_and_the_dossier_as_good_as_before(
    dossier_case: Case, authority: Authority, unnamed: Authority
) -> None:
    data = stamped(
        dossier_case, over_first(dossier_case, authority), over_closing(dossier_case, unnamed)
    )
    report = verify(dossier_case, data, authority)
    assert report.outcome is Outcome.VALID, report.to_json()
    outcome, reason = finding(report)
    assert outcome == "UNKNOWN"
    assert reason.startswith("1 of 2 time stamps are not by an authority that you named")
    assert "CN=TSA of others" in reason
    both = trusting(read_certificates(authority.root.read_bytes() + unnamed.root.read_bytes()))
    report = verify_dossier(
        io.BytesIO(data),
        trust=dossier_case.log.trust(),
        vouches=named([dossier_case.block]),
        check_token=both,
    )
    assert finding(report)[0] == "VALID"


def test_a_token_of_an_unnamed_authority_over_another_checkpoint_is_invalid(
    dossier_case: Case, authority: Authority, unnamed: Authority
) -> None:
    first = over_first(dossier_case, unnamed)
    swapped = replace(over_closing(dossier_case, unnamed), token=first.token)
    outcome, reason = finding(verify(dossier_case, stamped(dossier_case, swapped), authority))
    assert (outcome, reason) == ("INVALID", "the time stamp is over another checkpoint")


def test_a_token_over_another_checkpoint_is_invalid(
    dossier_case: Case, authority: Authority
) -> None:
    first = over_first(dossier_case, authority)
    swapped = replace(over_closing(dossier_case, authority), token=first.token)
    outcome, reason = finding(verify(dossier_case, stamped(dossier_case, swapped), authority))
    assert (outcome, reason) == ("INVALID", "the time stamp is over another checkpoint")


@pytest.mark.parametrize("token", [b"", b"\x30\x03\x02\x01\x00", b"\x30\x05\x30\x03\x02\x01\x02"])
def test_a_token_that_is_none_is_invalid(
    dossier_case: Case, authority: Authority, token: bytes
) -> None:
    stamp = replace(over_closing(dossier_case, authority), token=token)
    outcome, reason = finding(verify(dossier_case, stamped(dossier_case, stamp), authority))
    assert outcome == "INVALID"
    assert reason.startswith("the time stamp is ")


def test_a_tree_that_does_not_lead_to_the_closing_one_is_invalid(
    dossier_case: Case, authority: Authority
) -> None:
    stamp = replace(over_first(dossier_case, authority), proof=())
    data = stamped(dossier_case, stamp)
    outcome, reason = finding(verify(dossier_case, data, None))
    assert outcome == "INVALID"
    assert reason.startswith("the consistency proof has 0 hashes, not ")


def test_an_entry_that_is_dated_after_its_stamp_is_invalid(
    dossier_case: Case, authority: Authority
) -> None:
    stamp = over_closing(dossier_case, authority)
    check = trusting(read_certificates(authority.root.read_bytes()))
    ten_seconds_before = dossier_case.content.receipts[-1].entry.at - 10_000
    report = verify_dossier(
        io.BytesIO(stamped(dossier_case, stamp)),
        trust=dossier_case.log.trust(),
        vouches=named([dossier_case.block]),
        check_token=lambda note, token: replace(check(note, token), latest=ten_seconds_before),
    )
    outcome, reason = finding(report)
    assert outcome == "INVALID"
    assert "says that it was logged after CN=TSA stamped the log" in reason


def test_time_stamps_stand_in_order_of_size(dossier_case: Case, authority: Authority) -> None:
    closing, first = over_closing(dossier_case, authority), over_first(dossier_case, authority)
    report = verify(dossier_case, stamped(dossier_case, closing, first), None)
    assert report.refusal is not None
    assert report.refusal.where == "evidence/timestamps.jsonl line 2"


def test_what_the_operator_altered_in_a_token_is_found(
    dossier_case: Case, authority: Authority
) -> None:
    stamp = over_closing(dossier_case, authority)
    for at in range(40, len(stamp.token), 97):
        token = bytearray(stamp.token)
        token[at] ^= 0x10
        data = stamped(dossier_case, replace(stamp, token=bytes(token)))
        report = verify(dossier_case, resigned(data, dossier_case.log.signer), authority)
        assert finding(report)[0] == "INVALID", at


def test_the_command_line_checks_them_with_a_certificate(
    dossier_case: Case, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    data = stamped(dossier_case, over_closing(dossier_case, authority))
    (tmp_path / "dossier.zip").write_bytes(data)
    (tmp_path / "trust.json").write_bytes(dossier_case.log.trust().encode())
    given = ["verify", "dossier.zip", "--trust", "trust.json", "--block", dossier_case.block.hex()]
    done = provenance(*given, "--tsa", str(authority.root), cwd=tmp_path)
    assert done.code == 0, done
    assert "all 5 entries existed by" in done.out
    assert provenance(*given, cwd=tmp_path).code == 0
    unknown = provenance(*given[:4], cwd=tmp_path)
    assert unknown.code == 3
    assert "UNKNOWN: closing: " in unknown.out
    assert provenance(*given, "--tsa", str(stranger.root), cwd=tmp_path).code == 1
    none = provenance(*given, "--tsa", "trust.json", cwd=tmp_path)
    assert none.code == 4
    assert "not certificates in PEM" in none.out + none.err


def test_a_line_reads_back_and_openssl_reads_its_token(
    dossier_case: Case, authority: Authority
) -> None:
    stamp = over_closing(dossier_case, authority)
    line = stamp.encode()
    assert Timestamp.decode(line) == stamp
    assert base64.b64encode(stamp.token) in line


def test_a_file_without_certificates_is_refused() -> None:
    with pytest.raises(CertificateError, match="not certificates in PEM"):
        read_certificates(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
