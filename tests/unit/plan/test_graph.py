import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.errors import CycleError
from omnibuild.plan.graph import Action, Plan
from omnibuild.plan.keys import key, key_document
from omnibuild.store.results import Output


def action(name: str, *needs: str, **parameters: object) -> Action:
    return Action(name, "toy", parameters, {need: need for need in needs})


def test_a_plan_puts_needs_first() -> None:
    plan = Plan.of([action("c", "b"), action("b", "a"), action("a")])
    assert list(plan.actions) == ["a", "b", "c"]
    assert plan.dependents == {"a": ("b",), "b": ("c",), "c": ()}


def test_a_circle_is_shown_whole() -> None:
    with pytest.raises(CycleError) as caught:
        Plan.of([action("x", "a"), action("a", "b"), action("b", "c"), action("c", "a")])
    assert caught.value.why == "a -> b -> c -> a"


def test_plans_may_be_deeper_than_the_recursion_limit() -> None:
    plan = Plan.of([action(str(n), *([str(n - 1)] if n else [])) for n in range(5000)])
    assert len(plan) == 5000


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=40))
def test_every_need_comes_before(edges: list[tuple[int, int]]) -> None:
    needs: dict[int, set[int]] = {n: set() for n in range(16)}
    for low, high in edges:
        if low < high:
            needs[high].add(low)
    plan = Plan.of([action(str(n), *map(str, sorted(ns))) for n, ns in needs.items()])
    seen: set[str] = set()
    for item in plan:
        assert set(item.needs) <= seen
        seen.add(item.name)


def test_a_key_changes_with_what_decides_and_with_nothing_else() -> None:
    outputs = {"a": Output("blob", "1" * 64)}
    base = key(key_document(action("b", "a", flag=1), 1, outputs))
    assert key(key_document(action("renamed", "a", flag=1), 1, outputs)) == base
    assert key(key_document(action("b", "a", flag=2), 1, outputs)) != base
    assert key(key_document(action("b", "a", flag=1), 2, outputs)) != base
    other = {"a": Output("blob", "2" * 64)}
    assert key(key_document(action("b", "a", flag=1), 1, other)) != base
    # A root is its lock, whatever made its files.
    same = {"a": Output("tree", "3" * 64, identity="1" * 64)}
    assert key(key_document(action("b", "a", flag=1), 1, same)) == base


def test_golden_key() -> None:
    document = key_document(action("b", "a", flag=1), 1, {"a": Output("blob", "1" * 64)})
    assert key(document) == GOLDEN_KEY


# Changing how keys are made rebuilds everything for everybody: do it on purpose.
GOLDEN_KEY = "b7d9a6608c71729bd9f5922d66a48cadfbafda090bda50274d944e8ccb141c4c"
