"""Damage: what storms, bad tools and bad people do to files."""

from __future__ import annotations

import json
import random
import re
from typing import Any

# Nothing is there, and nobody may make it: the trials run as root, too.
ESCAPE = "/nonexistent-omnibuild"

NASTY = (
    "",
    "..",
    f"../../../..{ESCAPE}/x",
    f"{ESCAPE}/x",
    "a/../../b",
    "./.",
    "-rf",
    "--index-url=http://example.invalid",
    "\0",
    "\n",
    "x\ny: z",
    "\r\n",
    "\x1b[31mred",
    "\u202eevil",
    "caf\udce9",
    "%n%s%d",
    f"$(touch {ESCAPE})",
    "`id`",
    "'; exit 1; '",
    '"',
    "\\",
    "\\\\host\\share",
    "CON",
    "a" * 256,
    "n" * 5000,
    "/".join(["d"] * 400),
    "9" * 5000,
    "-1",
    "1e999",
    "NaN",
    "0x" + "f" * 400,
    "1" + ".1" * 2000,
    "1!9999999999999999999",
    ">>>= 1",
    "http://[::1/x",
    "file:///etc/shadow",
    "ftp://example.invalid/x",
    "a==1; python_version<'3' or " + "(" * 200,
    "été",
    "🜨",
    "__proto__",
)
NUMBERS = (0, -1, 1, 2**31, 2**32 - 1, 2**63, 2**64, -(2**63), 10**400, 0.5)


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Return ``data`` after one to four accidents."""
    found = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        found = _accident(found, dice)
    return bytes(found)


def _accident(data: bytearray, dice: random.Random) -> bytearray:
    if not data:
        return bytearray(dice.randbytes(dice.randrange(1, 64)))
    start = dice.randrange(len(data))
    length = min(dice.choice((1, 2, 4, 16, 512)), len(data) - start)
    match dice.randrange(7):
        case 0:
            data[start] ^= 1 << dice.randrange(8)
        case 1:
            data[start : start + length] = dice.randbytes(length)
        case 2:
            del data[start : start + length]
        case 3:
            return data[:start]
        case 4:
            data[start:start] = data[start : start + length] * dice.choice((1, 2, 50))
        case 5:
            data[start:start] = dice.choice(NASTY).encode("utf-8", "surrogateescape")
        case _:
            data[start : start + length] = dice.choice((b"\0", b"\xff")) * length
    return data


def reworded(text: str, dice: random.Random) -> str:
    """Return text in which some words are others: of the text, nasty ones, or numbers."""
    words = re.split(r"([A-Za-z0-9_.+-]+)", text)
    for _ in range(dice.choice((1, 1, 2, 5))):
        place = dice.randrange(len(words))
        words[place] = dice.choice(
            (dice.choice(words), dice.choice(NASTY), str(dice.choice(NUMBERS)), "")
        )
    if not dice.randrange(4):
        lines = "".join(words).splitlines(keepends=True)
        dice.shuffle(lines)
        return "".join(lines)
    return "".join(words)


def revalued(value: Any, dice: random.Random, depth: int = 0) -> Any:
    """Return a JSON value in which something has another type, name, number or size."""
    if depth and not dice.randrange(6):
        return _other(dice)
    if isinstance(value, dict) and value:
        key = dice.choice(list(value))
        match dice.randrange(6):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return {**value, dice.choice(NASTY): value[key]}
            case _:
                return {**value, key: revalued(value[key], dice, depth + 1)}
    if isinstance(value, list) and value:
        place = dice.randrange(len(value))
        if not dice.randrange(5):
            return value[:place] + value[place : place + 1] * dice.choice((0, 2, 300))
        return [*value[:place], revalued(value[place], dice, depth + 1), *value[place + 1 :]]
    return _other(dice)


def _other(dice: random.Random) -> Any:
    deep: Any = []
    for _ in range(dice.choice((1, 50, 900))):
        deep = [deep]
    return dice.choice(
        (None, True, [], {}, deep, {"": {}}, dice.choice(NASTY), dice.choice(NUMBERS), "0" * 64)
    )


def json_text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()
