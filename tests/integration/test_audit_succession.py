"""The audit of a log that carries on another one, abandoned anchors and all."""

from dataclasses import replace

import pytest
from eth_account import Account

from fixtures.anchoring import World, steal
from provenance.anchor.deployment import Deployment, load_deployment
from provenance.anchor.session import connect
from provenance.anchor.succession import succeed
from provenance.core.notes import Signer
from provenance.core.trustfile import Successor, TrustedLog, TrustFile
from provenance.core.verdict import Outcome
from provenance.verify.audit import AuditReport, audit_database

pytestmark = pytest.mark.services
NEW_ORIGIN = "log.example/parcels-2"


def trusted(deployment: Deployment, signer: Signer, successor: Successor | None) -> TrustedLog:
    return TrustedLog(
        origin=signer.name,
        keys=(signer.verifier(),),
        chain_id=deployment.identity.chain_id,
        genesis_hash=deployment.identity.genesis_hash,
        contract=deployment.contract,
        code_hash=deployment.code_hash,
        start=deployment.start_block,
        confirmations=1,
        successor=successor,
    )


async def audit(world: World, trust: TrustFile, *, origin: str = NEW_ORIGIN) -> AuditReport:
    return await audit_database(
        world.database_url, origin=origin, trust=trust, rpc_url=world.chain.rpc_url
    )


async def test_anchors_of_both_logs_are_read_and_the_abandoned_ones_are_told(world: World) -> None:
    old, signer = world.deployment, world.signer
    old_origin = world.log.origin
    async with world.working(world.worker()):
        for _ in range(2):
            await world.anchored(await world.append(100, subjects=2))
    await world.append(5)
    await steal(world, 400, 7)
    fresh = Account.from_key(bytes([0xD4]) * 32)
    world.chain.fund(fresh.address)
    keys = replace(world.keys, anchorer=fresh)
    done = await succeed(
        database_url=world.database_url,
        chain=world.node,
        blobs=world.blobs,
        log=world.log,
        new_origin=NEW_ORIGIN,
        reason="the anchoring key was stolen",
        recovery=keys.recovery,
        roles=keys.roles,
        signers=[signer],
    )
    world.log, world.keys = done.log, keys
    world.signer = Signer(name=NEW_ORIGIN, private_key=signer.private_key)
    async with world.working(world.worker()):
        await world.anchored(await world.append(50))
    async with connect(world.database_url) as connection:
        new = (await load_deployment(connection, done.log.log_id)).complete()
    line = (
        trusted(old, signer, Successor(origin=NEW_ORIGIN, size=400)),
        trusted(new, world.signer, None),
    )
    report = await audit(world, TrustFile(operator="A test", logs=line))
    assert report.findings == ()
    assert report.outcome is Outcome.VALID
    assert report.notes == ("anchors that a succession abandoned: 1",)
    assert report.size == 455

    # Whoever trusts the successor alone can still check what it anchored itself.
    alone = await audit(world, TrustFile(operator="A test", logs=line[1:]))
    assert alone.findings == ()
    assert alone.outcome is Outcome.VALID

    # A trust file from before the succession: the chain says that the other log carries this on.
    older = TrustFile(operator="A test", logs=(trusted(old, signer, None),))
    report = await audit(world, older, origin=old_origin)
    assert report.findings == ()
    assert report.outcome is Outcome.UNKNOWN
    assert [v.check for v in report.verdicts if v.outcome is Outcome.UNKNOWN] == ["anchors"]
    assert report.size == 455

    # Whoever is told the old name finds the log that carries it on.
    report = await audit(world, TrustFile(operator="A test", logs=line), origin=old_origin)
    assert (report.origin, report.outcome) == (NEW_ORIGIN, Outcome.VALID)

    # The old log cannot carry on the new one.
    async with connect(world.database_url) as connection:
        await connection.execute(
            "UPDATE logs SET predecessor_id = %s WHERE origin = %s", (done.log.log_id, old_origin)
        )
    report = await audit(world, TrustFile(operator="A test", logs=line))
    assert [finding.object for finding in report.findings] == [
        f"predecessor_id of log {old_origin}"
    ]
