"""The center's signature holds for what it signed, and for nothing else."""

import pytest

from apps.audit.signing import NotSigned, checked, sign


def test_what_was_signed_is_read_back_however_long_it_is() -> None:
    claims = {"files": [f"{number:064x}" for number in range(20_000)]}
    assert checked(sign(claims, typ="test"), typ="test") == claims


def test_another_kind_or_a_changed_text_is_not_what_was_signed() -> None:
    token = sign({"a": 1}, typ="test")
    head, _, tail = token.split(".")
    other = sign({"a": 2}, typ="test").split(".")[1]
    for text, typ in ((token, "other"), (f"{head}.{other}.{tail}", "test"), ("x", "test"), ("a.b.c", "test")):
        with pytest.raises(NotSigned):
            checked(text, typ=typ)
