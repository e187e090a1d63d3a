"""What containers tell of their steps, among which anything may stand that a step wrote itself."""

from __future__ import annotations

import pytest

from omnibuild.execute.sandbox.container import Account


def account(text: bytes) -> Account:
    made = Account()
    assert list(made.separated([(1, b"printed"), (2, text)])) == [b"printed"]
    return made


@pytest.mark.parametrize(
    "text",
    [b"0m0.010000s 0m0.020000s\n1m2.500000s 0m0.000000s\n", b"0m0.03s 0m0.00s\n1m2.5s 0m0s\n"],
)
def test_times_of_every_shell_are_added(text: bytes) -> None:
    assert account(text).cpu_seconds() == pytest.approx(62.53)


@pytest.mark.parametrize(
    "text", [b"1m1.2.3s", b"9" * 5000 + b"m1s", b"1m" + b"9" * 400 + b"s", b"m.s", b"\xffm1s"]
)
def test_what_a_step_wrote_there_is_no_time_or_a_finite_one(text: bytes) -> None:
    assert account(text + b"\n0m1.5s 0m0s\n").cpu_seconds() == pytest.approx(1.5)


def test_want_of_memory_is_told() -> None:
    assert account(b"0m0s 0m0s\noom_kill 1\n").lacked_memory()
    assert not account(b"0m0s 0m0s\noom 1\noom_kill 0\n").lacked_memory()
