"""What changed between two key documents."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from omnibuild.plan.reasons import FIRST, Change, Reason, differences, reason

OLD = {
    "kind": "component",
    "serial": 1,
    "parameters": {"steps": ["make", "make install"], "test": "true"},
    "inputs": {"root": "aa", "layer:zlib": "bb"},
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def changed(path: list[Any], value: Any) -> dict[str, Any]:
    document = copy.deepcopy(OLD)
    target: Any = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return document


def test_a_changed_step_is_named_with_both_texts() -> None:
    new = changed(["parameters", "steps", 0], "make all")
    assert reason(OLD, new) == Reason(
        "changed: parameters.steps[1]", (Change("parameters.steps[1]", "make", "make all"),)
    )


def test_a_changed_dependency_is_named_with_both_digests() -> None:
    assert differences(OLD, changed(["inputs", "layer:zlib"], "cc")) == [
        Change("inputs.layer:zlib", "bb", "cc")
    ]


def test_what_comes_or_goes_has_one_side_only() -> None:
    more = changed(["parameters", "steps"], ["make", "make install", "strip"])
    assert differences(OLD, more) == [Change("parameters.steps[3]", None, "strip")]
    assert differences(more, OLD) == [Change("parameters.steps[3]", "strip", None)]
    assert differences(OLD, changed(["inputs", "layer:xz"], "dd")) == [
        Change("inputs.layer:xz", None, "dd")
    ]


def test_an_inserted_step_does_not_move_those_after_it() -> None:
    steps = ["configure", "make", "make check", "make install"]
    before = changed(["parameters", "steps"], steps)
    after = changed(["parameters", "steps"], ["autoreconf", *steps])
    assert differences(before, after) == [Change("parameters.steps[1]", None, "autoreconf")]
    assert differences(after, before) == [Change("parameters.steps[1]", "autoreconf", None)]
    after = changed(["parameters", "steps"], ["configure", "make -s", "make install"])
    assert differences(before, after) == [
        Change("parameters.steps[2]", "make", "make -s"),
        Change("parameters.steps[3]", "make check", None),
    ]


def test_a_first_build_and_a_lost_result_are_told_apart() -> None:
    assert reason(None, OLD) is FIRST
    assert "result is gone" in reason(OLD, copy.deepcopy(OLD)).summary


def test_many_changes_are_counted_and_all_kept() -> None:
    new = changed(["parameters"], {"steps": ["a", "b", "c"], "test": "false"})
    found = reason(OLD, new)
    assert len(found.changes) == 4
    assert found.summary.endswith("and 1 more")
    assert Reason.from_data(found.to_data()) == found


@given(JSON, JSON)
def test_differences_are_empty_exactly_for_equal_values(old: Any, new: Any) -> None:
    # None stands for what is not there.
    if old != new:
        assert differences({"v": old}, {"v": new}) or _without_none(old) == _without_none(new)
    assert differences({"v": old}, {"v": old}) == []


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        found = {k: _without_none(v) for k, v in value.items()}
        return {k: v for k, v in found.items() if v not in (None, {}, [])}
    if isinstance(value, list):
        found_list = [_without_none(v) for v in value]
        while found_list and found_list[-1] in (None, {}, []):
            found_list.pop()
        return found_list
    return value
