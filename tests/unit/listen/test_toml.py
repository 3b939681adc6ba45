"""What is written as TOML is read back as it was."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seehear.listen.toml import toml_text

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    ['three """ quotes', 'ends with "', "a\nb", '"""\n"""', "back\\slash\n\\", "\n", " \n "]
)
PLAIN = TEXT | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False)
INLINE = st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT, PLAIN, max_size=3)
TABLE = st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), PLAIN | INLINE, max_size=4)


@given(
    values=st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), PLAIN | TABLE), rows=TABLE
)
def test_round_trip(values: dict[str, Any], rows: dict[str, Any]) -> None:
    whole = {**values, "rows": [rows, {**rows, "extra": 1}]}
    assert tomllib.loads(toml_text(whole)) == whole


def test_comments_stand_above_their_keys_and_none_is_left_out() -> None:
    text = toml_text(
        {"a": 1, "gone": None, "t": {"b": [2]}}, {"a": "why a", "t.b": "why b"}, ["Top."]
    )
    assert text == "# Top.\n\n# why a\na = 1\n\n[t]\n# why b\nb = [2]\n"
