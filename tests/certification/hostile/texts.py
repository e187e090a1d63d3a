"""Boundaries of text: recipes and other definitions, locks."""

from __future__ import annotations

import json
import random
from pathlib import Path

from omnibuild.recipe.loader import load
from omnibuild.recipe.lock import load_lock
from omnibuild.recipe.models import Model, Platform, Recipe, Software
from omnibuild.sources.roots.lock import load_root_lock
from tests.certification.hostile.harness import Boundary, Place, nothing
from tests.certification.hostile.mutate import damaged, json_text, revalued, reworded

CHECKOUT = Path(__file__).resolve().parents[3]
MODELS: dict[str, type[Model]] = {"recipes": Recipe, "software": Software, "platforms": Platform}
BOMBS = (
    lambda: "\n".join(f"key-{n} = {n}" for n in range(20_000)),
    lambda: "x = " + "[" * 16_000 + "]" * 16_000,
    lambda: "[" + ".".join(["a"] * 16_000) + "]\n",
    lambda: "\n".join(f"[app{n}]\nname = 'x'" for n in range(5_000)),
    lambda: "x = " + "9" * 100_000,
    lambda: 'x = """' + "\\\n" * 50_000 + '"""',
)


def _text(path: Path, dice: random.Random) -> bytes:
    text = path.read_text()
    match dice.randrange(12):
        case 0:
            return dice.choice(BOMBS)().encode()
        case 1 | 2:
            return damaged(text.encode(), dice)
        case _:
            return reworded(text, dice).encode("utf-8", "surrogateescape")


def _make_definition(place: Place, _: None, dice: random.Random) -> None:
    kind = dice.choice(list(MODELS))
    seed = dice.choice(
        [p for p in sorted((CHECKOUT / kind).glob("*.toml")) if "lock" not in p.name]
    )
    (place.inbox / f"{kind}.{seed.name}").write_bytes(_text(seed, dice))


def _take_definition(place: Place, _: None) -> str:
    (path,) = place.inbox.iterdir()
    load(path, MODELS[path.name.partition(".")[0]])
    return "taken"


def _make_lock(place: Place, _: None, dice: random.Random) -> None:
    seed = dice.choice(sorted((CHECKOUT / "recipes").glob("*lock*.toml")))
    (place.inbox / seed.name).write_bytes(_text(seed, dice))


def _take_lock(place: Place, _: None) -> str:
    (path,) = place.inbox.iterdir()
    load_lock(path).select("3.13", "2.31")
    return "taken"


def _make_root_lock(place: Place, _: None, dice: random.Random) -> None:
    text = (CHECKOUT / "roots/bullseye.lock.json").read_bytes()
    if dice.randrange(3):
        data = json.loads(text)
        data["packages"] = data["packages"][:3]
        text = json_text(revalued(data, dice))
    else:
        text = damaged(text, dice)
    (place.inbox / "r.lock.json").write_bytes(text)


def _take_root_lock(place: Place, _: None) -> str:
    load_root_lock(place.inbox / "r.lock.json")
    return "taken"


BOUNDARIES = {
    "definitions": Boundary(nothing, _make_definition, _take_definition),
    "locks": Boundary(nothing, _make_lock, _take_lock),
    "root locks": Boundary(nothing, _make_root_lock, _take_root_lock),
}
