"""Legal clocks: from when a period counts, when it ends, and what is left of it.

Rules of the room: calendar days are those of the place where the period starts; the start is a
recorded entry, with the time that it claims and the anchors that it lies between, and which of
the two was used is said; where nothing is recorded that a period could start from, that is said
instead of a guess.
"""
