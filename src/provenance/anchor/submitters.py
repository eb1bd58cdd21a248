"""Takes over the organisations that a batch names as submitters, under the ids that they had.

A name has one organisation. Whoever was given an API key on a database that was lost, and not filled
again yet, has an id that no record knows; records, and what tells a repeated one, name the old id. So
the old one takes the place of an id under which nothing was recorded, and the keys move over to it.
An id that records name stays, and the old one then has no name here: two logs share this database.
"""

import structlog

from provenance.anchor.session import Connection

_log = structlog.get_logger(__name__)
_MISSING = """
SELECT EXISTS (
  SELECT FROM staged_organisations AS staged
  WHERE NOT EXISTS (
    SELECT FROM organisations AS held WHERE held.organisation_id = staged.organisation_id
  )
)
"""
# Waits for whoever is making a key, and lets nobody make one before this transaction ends.
_LOCK = "LOCK TABLE organisations IN EXCLUSIVE MODE"
_OTHERS = """
SELECT staged.organisation_id, held.organisation_id,
  EXISTS (SELECT FROM records WHERE submitter = held.organisation_id)
FROM staged_organisations AS staged JOIN organisations AS held USING (name)
WHERE NOT EXISTS (
  SELECT FROM organisations AS known WHERE known.organisation_id = staged.organisation_id
)
"""
# The name is unique: whoever goes gives it up before the other comes.
_RENAME = "UPDATE organisations SET name = organisation_id::text WHERE organisation_id = %s"
_MOVE_KEYS = "UPDATE api_keys SET organisation_id = %s WHERE organisation_id = %s"
_REMOVE = "DELETE FROM organisations WHERE organisation_id = %s"
_INSERT = """
INSERT INTO organisations (organisation_id, name, created_at)
SELECT organisation_id, name, created_at FROM staged_organisations ON CONFLICT DO NOTHING
"""


async def take_submitters(connection: Connection) -> None:
    """Take over the rows of ``staged_organisations``, in the open transaction.

    It is the last step before the commit, since nobody can make an API key meanwhile.
    """
    cursor = await connection.execute(_MISSING)
    if await cursor.fetchone() != (True,):
        return
    await connection.execute(_LOCK)
    cursor = await connection.execute(_OTHERS)
    replaced = []
    for organisation, other, is_used in await cursor.fetchall():
        if is_used:
            _log.warning("submitter_without_name", id=str(organisation), named=str(other))
            continue
        await connection.execute(_RENAME, (other,))
        replaced.append((organisation, other))
    await connection.execute(_INSERT)
    for organisation, other in replaced:
        await connection.execute(_MOVE_KEYS, (organisation, other))
        await connection.execute(_REMOVE, (other,))
        _log.info("submitter_took_its_place", id=str(organisation), instead_of=str(other))
