"""How misconduct is printed: what the same two notes prove stands together, with the notes once."""

import pytest

from provenance.cli.verdicts import print_misconduct
from provenance.core.conduct import Misconduct

ONE, TWO, THREE = ("log.example\none", "log.example\ntwo", "log.example\nthree")


def test_a_fork_that_breaks_many_rules_is_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_misconduct(
        [
            Misconduct(kind="fork", reason="two roots", notes=(ONE, TWO)),
            Misconduct(kind="fork", reason="the other way round", notes=(TWO, ONE)),
            Misconduct(kind="broken-promise", reason="another rule", notes=(ONE, TWO)),
        ]
    )
    out = capsys.readouterr().out
    assert out.count("MISCONDUCT (") == 3
    assert out.count("they cannot both be honest") == 1
    assert (out.count("    one"), out.count("    two")) == (1, 1)


def test_a_note_is_printed_as_it_is_and_moves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    note = "log.example\n\n\u2014 a\u202eb\u2028c\x9b AAAA\n"
    print_misconduct([Misconduct(kind="fork", reason="two\u2066", notes=(note, TWO))])
    out = capsys.readouterr().out
    assert "two\\u2066\n" in out
    assert "    log.example\n    \n    \u2014 a\\u202eb\\u2028c\\u009b AAAA\n  note 2" in out


def test_two_acts_of_misconduct_are_printed_each_with_its_notes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_misconduct(
        [
            Misconduct(kind="fork", reason="two roots", notes=(ONE, TWO)),
            Misconduct(kind="fork", reason="a third root", notes=(ONE, THREE)),
        ]
    )
    out = capsys.readouterr().out
    assert out.count("they cannot both be honest") == 2
    assert (out.count("    two"), out.count("    three")) == (1, 1)
