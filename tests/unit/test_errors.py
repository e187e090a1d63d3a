"""What an error shows on a terminal."""

import pytest

from omnibuild.errors import OmnibuildError, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode and 日本\n\ttoo", "plain, ünïcode and 日本\n\ttoo"),
        ("\x1b[2J\x07", r"\x1b[2J\x07"),
        ("\r\x9b\x7f", r"\r\x9b\x7f"),
        # Text that reads otherwise than it is, and bytes of a name that is not UTF-8.
        ("a\u202eb", r"a\u202eb"),
        ("latin-\udce9", r"latin-\udce9"),
    ],
)
def test_a_terminal_has_nothing_to_obey(text: str, shown: str) -> None:
    assert printable(text) == shown
    error = OmnibuildError(text, why=text, hint=text)
    assert (error.what, error.why, error.hint) == (shown, shown, shown)
