"""The call that is sent leads to the root that the log has, for every step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.anchor.calls import extended_root
from provenance.core.digests import LeafHash, sha256
from provenance.core.tree import Frontier, cover_nodes, root_of

LEAVES = [LeafHash(sha256(b"%d" % number)) for number in range(700)]


@given(st.data())
def test_peaks_and_subtrees_lead_to_the_root_of_the_larger_tree(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, len(LEAVES)))
    old = data.draw(st.integers(0, new))
    subtrees = [
        Frontier.empty().extend(LEAVES[index << level : (index + 1) << level]).frontier.peaks[0]
        for level, index in cover_nodes(old, new)
    ]
    peaks = Frontier.empty().extend(LEAVES[:old]).frontier.peaks
    assert extended_root(old, peaks, new, subtrees) == root_of(LEAVES[:new])


def test_a_subtree_too_few_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        extended_root(0, (), 3, [])
