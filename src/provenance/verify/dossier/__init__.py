"""Verifying a dossier: one ZIP file that proves a case without the service that wrote it.

It needs a trust file and one block hash, and imports nothing but ``core``, the pure part of
``verify``, ``cryptography``, ``eth-hash`` and, for time stamps, ``rfc3161-client``: no web, database
or chain client. The page in ``page/`` checks the same in a browser, time stamps excepted, and says
the same; ``docs/dossier.md`` is the format.

* ``container`` reads the ZIP, every byte of which follows from its listing;
* ``manifest`` reads what the dossier says of itself, and who signed it; ``front`` looks at that,
  and at the hashes of the parts, before anything of the evidence is parsed;
* ``rlp``, ``patricia`` and ``blocks`` read proofs of a chain's events under a block's hash;
* ``anchors`` turns them into facts about the anchors, vouched for or not;
* ``timestamps`` says what time stamps of others add, ``tokens`` checks those of trusted ones;
* ``files`` and ``records`` hold the manifest's lines against what was recorded;
* ``run`` brings them together and gives the verdicts.

A file that breaks the format is refused with an error that names the place. It is never repaired,
and nothing of it is written anywhere.
"""
