"""Both audits of a service on this machine, for the demonstration."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.launch.stack import Addresses


async def audit_both_ways(addresses: "Addresses") -> Sequence[str]:
    """Audit by URL and by database; returns what is wrong, or could not be checked."""
    from provenance.core.trustfile import TrustFile
    from provenance.core.verdict import Outcome
    from provenance.verify.audit import audit_database, audit_url
    from provenance.wiring.auditing import expected_records
    from provenance.wiring.chain import file_keys
    from provenance.wiring.sealing import open_vault

    trust = TrustFile.decode(addresses.trust_file.read_bytes())
    by_url = await audit_url(
        addresses.api_url,
        trust=trust,
        rpc_url=addresses.rpc_url,
        key=addresses.tokens["auditor"],
    )
    settings = addresses.settings
    by_database = await audit_database(
        settings.database_url or "",
        origin=settings.origin,
        trust=trust,
        rpc_url=addresses.rpc_url,
        expected_of=expected_records(settings, file_keys(settings)),
        sealed=open_vault(settings),
    )
    wrong: list[str] = []
    for name, report in (("by URL", by_url), ("by database", by_database)):
        wrong += [f"{name}: {finding}" for finding in report.findings]
        wrong += [
            f"{name}: {verdict.check} could not be checked: {verdict.reason}"
            for verdict in report.verdicts
            if verdict.outcome is Outcome.UNKNOWN
        ]
    return wrong
