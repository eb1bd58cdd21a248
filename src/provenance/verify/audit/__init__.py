"""The audit of a whole log, from its first entry to the latest anchored checkpoint.

By URL it takes nothing from the service but what anybody (and, for entries, an auditor) may
fetch; against the database it looks into statements and payloads besides. Rules it enforces:

* anchors: the trusted contract holds a root at each anchored size, each anchor extends the one
  before it, and the events, the head and ``rootAt`` agree (``anchors``); against the database,
  rows of final anchors and of logs say what chain and trust file say (``onchain``), and there is
  no row of another log (``lineage``);
* checkpoints: for each anchored size there is one, signed by a trusted key, with that root; of a
  service that publishes none, the log is the one that the trust file names (``published``);
* tree: the entries' leaf hashes lead, at every anchored size, to the anchored root, and the tiles
  hold the same hashes (``tree``); consistency between all sizes follows;
* entries: each is canonical, ``at`` never decreases and lies between its anchors (``core.check``);
* trails: (trail, seq) is unique and gapless, and each entry names the one before it (``trails``);
* head, database only: size, frontier and last time are those of the entries (``heads``);
* contents, database only: every statement opens its commitments and every payload its statement's,
  one subject has one trail, a payload's subjects are the record's entries, and whatever cannot be
  opened is named by an erasure record (``walk``, ``contents``, ``blame``, ``records``).

It leaves out who was entitled to submit, whether what was recorded is true, and acknowledgements,
which only those who were given them can bring.

Memory is bounded whatever the size of the log: about 90 bytes for each trail, 130 for each
anchor and 50 for each entry that cannot be opened, besides a few megabytes of pages in flight; a million
entries in as many trails take some 100 MB. The first 100 findings of each check are kept.
"""

from provenance.verify.audit.published import audit_url
from provenance.verify.audit.report import AuditReport, Finding
from provenance.verify.audit.run import audit_database

__all__ = ["AuditReport", "Finding", "audit_database", "audit_url"]
