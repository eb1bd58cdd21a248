"""A text that is none of a closed list is answered with the list."""

from typing import Annotated, Literal

import msgspec
import pytest

from provenance.api.bodies import decode_json, decoder
from provenance.core.errors import WrongTypeError
from provenance.intake.choices import choices_at, with_choices


class Inner(msgspec.Struct, rename={"of": "kind"}):
    of: Literal["one", "two"]
    free: str = ""


class Outer(msgspec.Struct):
    ground: Literal["request", "end"] | None = None
    listed: Annotated[list[Inner], msgspec.Meta(max_length=3)] = []
    many: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    ("tokens", "choices"),
    [
        (["ground"], {"request", "end"}),
        (["listed", "0", "kind"], {"one", "two"}),
        (["many", "2", "kind"], {"one", "two"}),
        (["listed", "0", "free"], set()),
        (["listed", "0", "of"], set()),
        (["nowhere", "deep"], set()),
        ([], set()),
    ],
)
def test_what_may_stand_in_a_place_is_found(tokens: list[str], choices: set[str]) -> None:
    assert set(choices_at(Outer, tokens)) == choices


def test_a_request_with_another_text_is_told_what_is_allowed() -> None:
    with pytest.raises(WrongTypeError) as refused:
        decode_json(b'{"ground": "nope"}', decoder(Outer))
    assert refused.value.where == "/ground"
    assert "'nope'; it is one of " in str(refused.value)


def test_other_faults_stay_as_they_are() -> None:
    assert with_choices("Expected `int`, got `str`", Outer, ["ground"]).endswith("`str`")
