"""Verdicts and audit: what a stranger runs to check the service, and what the service runs itself.

It shares no code with what makes the proofs (``intake``, ``log``, ``anchor``, ``prove``; a linter
contract keeps it so) and needs nothing of the service but receipts, a trust file and an RPC URL.

* ``chain`` asks an EVM node for the facts about an anchor;
* ``sets`` judges a set of receipts together, without input or output;
* ``service`` brings the two together;
* ``audit`` checks a whole log.

A chain or a server that cannot be asked, or whose answers make no sense, leads to UNKNOWN and a
reason, never to VALID and never to an exception for the person who asked.
"""
