"""Signed notes: what a key signed opens, what it did not sign does not."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.small_log import seeded_signer
from fixtures.strategies import acknowledgements, checkpoints, mutated, origins, trail_heads
from provenance.core.digests import sha256
from provenance.core.errors import FormatError, ProofError, SignatureError
from provenance.core.notes import (
    Acknowledgement,
    Checkpoint,
    Signer,
    TrailHead,
    Verifier,
    open_note,
    sign_note,
    split_note,
)

ORIGIN = "log.example/parcels"
OLD, NEW, STRANGER = (seeded_signer(ORIGIN, seed) for seed in ("old", "new", "stranger"))
WITNESS = seeded_signer("witness.example/w", "witness")

Text = Checkpoint | Acknowledgement | TrailHead

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32)))),
    max_size=20,
)
bodies = st.lists(texts, max_size=4).map(lambda lines: "\n".join([ORIGIN, *lines]) + "\n")
note_texts = st.one_of(
    checkpoints.map(lambda value: value.text()),
    acknowledgements.map(lambda value: value.text()),
    trail_heads().map(lambda value: value.text()),
)


@given(bodies)
def test_what_a_key_signed_opens(text: str) -> None:
    opened = open_note(sign_note(text, [OLD]), [OLD.verifier()])
    assert opened.text == text
    assert opened.signed_by == (OLD.verifier(),)


@given(bodies, st.permutations([OLD, NEW, STRANGER, WITNESS]))
def test_keys_rotate_by_signing_twice_and_unknown_signatures_are_ignored(
    text: str, signers: list[Signer]
) -> None:
    note = sign_note(text, signers)
    for known in ([OLD], [NEW], [OLD, NEW]):
        opened = open_note(note, [signer.verifier() for signer in known])
        assert set(opened.signed_by) == {signer.verifier() for signer in known}


@given(bodies, bodies)
def test_a_bad_signature_by_a_known_key_rejects_though_another_holds(one: str, other: str) -> None:
    note = sign_note(one, [OLD])
    note += sign_note(other, [NEW]).rpartition("\n\n")[2]
    known = [OLD.verifier(), NEW.verifier()]
    if one == other:
        assert len(open_note(note, known).signed_by) == 2
        return
    with pytest.raises(SignatureError):
        open_note(note, known)
    assert open_note(note, [OLD.verifier()]).text == one


@given(bodies)
def test_no_known_signature_is_no_note(text: str) -> None:
    with pytest.raises(SignatureError):
        open_note(sign_note(text, [STRANGER, WITNESS]), [OLD.verifier()])


@given(origins, bodies)
def test_a_key_speaks_for_its_own_origin_only(origin: str, text: str) -> None:
    signer = seeded_signer(origin, "other")
    with pytest.raises(SignatureError):
        open_note(sign_note(text, [signer]), [signer.verifier()])


@given(bodies, st.data())
def test_no_byte_of_the_text_can_change(text: str, data: st.DataObject) -> None:
    note = sign_note(text, [OLD])
    changed = data.draw(mutated(text.encode())).decode("utf-8", "replace")
    if changed == text:
        return
    with pytest.raises((FormatError, ProofError)):
        open_note(changed + note[len(text) :], [OLD.verifier()])


@given(origins, st.binary(min_size=32, max_size=32))
def test_key_ids_and_verifier_keys_are_those_of_c2sp(origin: str, key: bytes) -> None:
    verifier = Verifier(name=origin, public_key=key)
    key_id = sha256(origin.encode() + b"\n\x01" + key)[:4]
    assert verifier.key_id == key_id
    assert verifier.vkey() == f"{origin}+{key_id.hex()}+" + base64.b64encode(b"\x01" + key).decode()
    assert Verifier.from_vkey(verifier.vkey()) == verifier


@given(origins.flatmap(lambda o: mutated(Verifier(o, bytes(32)).vkey().encode())))
def test_a_verifier_key_has_one_spelling(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        verifier = Verifier.from_vkey(text)
    except FormatError:
        return
    assert verifier.vkey() == text


@given(checkpoints)
def test_a_checkpoint_survives_the_round_trip(checkpoint: Checkpoint) -> None:
    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@given(acknowledgements)
def test_an_acknowledgement_survives_the_round_trip(ack: Acknowledgement) -> None:
    assert Acknowledgement.parse(ack.text()) == ack


@given(trail_heads())
def test_a_trail_head_survives_the_round_trip(head: TrailHead) -> None:
    assert TrailHead.parse(head.text()) == head


@given(note_texts)
def test_a_text_is_of_one_kind_at_most(text: str) -> None:
    read = [reads(kind, text) for kind in (Checkpoint, Acknowledgement, TrailHead)]
    assert len([value for value in read if value is not None]) == 1


@given(note_texts.flatmap(lambda text: mutated(text.encode())))
def test_a_text_has_one_spelling(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    read = [
        value
        for value in (reads(kind, text) for kind in (Checkpoint, Acknowledgement, TrailHead))
        if value is not None
    ]
    assert len(read) <= 1
    assert all(value.text() == text for value in read)


def reads(kind: type[Text], text: str) -> Text | None:
    try:
        return kind.parse(text)
    except FormatError:
        return None


@given(st.binary(max_size=300) | bodies.flatmap(lambda t: mutated(sign_note(t, [OLD]).encode())))
def test_any_text_is_split_or_refused(data: bytes) -> None:
    note = data.decode("utf-8", "surrogateescape")
    try:
        split = split_note(note)
    except FormatError:
        return
    assert note.startswith(split.text + "\n\u2014 ")
    assert split.text.endswith("\n")
    try:
        open_note(note, [OLD.verifier()])
    except ProofError:
        return
    assert note.encode() == data
