"""Locks as text: what several tools read, and people compare line by line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tomlkit
from packaging.pylock import Pylock
from tomlkit.items import Array, InlineTable, String, Table


def written(lock: Pylock) -> str:
    """Return the text of a lock: a file of a package is one line."""
    data = dict(lock.to_dict())
    document = tomlkit.document()
    packages, tool = data.pop("packages"), data.pop("tool", {})
    for key, value in data.items():
        document[key] = _value(value)
    array = tomlkit.aot()
    for package in packages:
        array.append(_package(package))
    document["packages"] = array
    if tool:
        document["tool"] = tomlkit.table(is_super_table=True)
        document["tool"].update({name: _table(table) for name, table in tool.items()})
    return tomlkit.dumps(document)


def _package(data: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for key, value in data.items():
        table[key] = _lines(map(_inline, value)) if key == "wheels" else _value(value)
    return table


def _table(data: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for key, value in data.items():
        table[key] = _lines(value) if isinstance(value, list | tuple) else _value(value)
    return table


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _inline(value)
    return _text(value) if isinstance(value, str) else value


def _inline(data: Mapping[str, Any]) -> InlineTable:
    table = tomlkit.inline_table()
    for key, value in data.items():
        table[key] = _value(value)
    return table


def _lines(items: Iterable[Any]) -> Array:
    array = tomlkit.array().multiline(True)
    array.extend(items)
    return array


def _text(text: str) -> String:
    """Return a string as people would quote it: markers are full of quotation marks."""
    return tomlkit.string(text, literal='"' in text and "'" not in text)
