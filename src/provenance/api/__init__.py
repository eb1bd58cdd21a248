"""HTTP: takes bytes in, checks who may, asks the packages below, and answers with their bytes.

What holds here:

* Each operation is declared once, in a table of its feature (:mod:`provenance.api.operations`):
  path, who may call it, parameters, answers. Authentication hangs on that table, so that no
  handler can forget it.
* Every error becomes a problem document (RFC 9457) in one place, :mod:`provenance.api.problems`.
* Bodies are bounded while they stream in. What was stored goes out byte for byte as it came.
* SQL is written in the modules named ``store`` only.

What it leaves out: validation of events (``intake``), order and durability (``log``), proofs
(``prove``) and verdicts (``verify``). TLS and rate limits belong to the proxy in front.
"""
