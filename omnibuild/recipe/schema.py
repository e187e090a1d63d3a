"""The models as JSON schemas and as reference pages."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct, UnsetType
from msgspec.structs import FieldInfo

from omnibuild.recipe.models import Model
from omnibuild.recipe.validate import alternatives, is_table, meta, plain, shown_pattern

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_HEADER = ("| key | type | default | description |", "|---|---|---|---|")


def json_schema(model: type[Model]) -> dict[str, Any]:
    """Return the JSON schema that editors check definitions with; keys as TOML has them."""
    schema: dict[str, Any] = _for_toml({"$schema": _DIALECT, **msgspec.json.schema(model)})
    for table in schema["$defs"].values():
        if "extends" in table.get("properties", ()):
            # All else may be what the other one says.
            whole = {"required": table.pop("required")}
            table["anyOf"] = [whole, {"required": ["name", "extends"]}]
    return schema


def _for_toml(node: Any) -> Any:
    """Take away what TOML cannot say, null, and the markup of docstrings; patterns end in ``$``."""
    if isinstance(node, list):
        return [_for_toml(each) for each in node if each != {"type": "null"}]
    if isinstance(node, str):
        return node.replace("``", "`")
    if not isinstance(node, dict):
        return node
    kept = {key: _for_toml(value) for key, value in node.items() if value is not None}
    if isinstance(kept.get("pattern"), str):
        kept["pattern"] = shown_pattern(kept["pattern"])
    only = kept.pop("anyOf") if len(kept.get("anyOf", ())) == 1 else ()
    return {**kept, **(only[0] if only else {})}


def reference_markdown(model: type[Model]) -> str:
    """Return the reference page of a definition: one table of keys for each table in TOML."""
    fields = msgspec.structs.fields(model)
    keys = [each for each in fields if not _is_section(each)]
    lines = [f"# {model.__name__}", "", _sentence(model)]
    if keys:
        lines += ["", *_key_table(keys)]
        for each in keys:
            lines += _item_tables(each)
    for section in filter(_is_section, fields):
        lines += ["", *_section(section)]
    return "\n".join(lines) + "\n"


def _is_section(each: FieldInfo) -> bool:
    kind = plain(each.type)
    return is_table(kind) or get_origin(kind) is dict


def _section(each: FieldInfo, above: str = "") -> Iterator[str]:
    """Yield the lines on a table of its own: of fixed keys, of free keys, or of tables."""
    kind = plain(each.type)
    content = plain(get_args(kind)[1]) if get_origin(kind) is dict else _items(kind) or kind
    free_keys = get_origin(kind) is dict
    name = f"{above}{each.encode_name}{'.NAME' if free_keys and is_table(content) else ''}"
    yield from (f"## `[[{name}]]`" if _items(kind) else f"## `[{name}]`", "")
    tables = [one for one in map(plain, alternatives(content)) if is_table(one)]
    if content not in tables:
        yield f"{meta(each.type, 'description')} Keys and values are strings."
        for table in tables:
            yield from ("", f"Or a value is a table, {_sentence(table, capital=False)}", "")
            yield from _key_table(msgspec.structs.fields(table))
        return
    needed = " Required." if each.required else ""
    about = meta(each.type, "description") if _items(kind) else ""
    yield " ".join(filter(None, (_sentence(content), about))) + needed
    fields = msgspec.structs.fields(content)
    tables = [key for key in fields if is_table(plain(key.type)) or _items(plain(key.type))]
    if keys := [key for key in fields if key not in tables]:
        yield ""
        yield from _key_table(keys)
    for section in tables:
        yield ""
        yield from _section(section, f"{name}.")


def _items(kind: Any) -> type[Struct] | None:
    """Return the model of an array of tables; nothing for all other types."""
    item = plain(get_args(kind)[0]) if get_origin(kind) is tuple else None
    return item if is_table(item) else None


def _item_tables(each: FieldInfo) -> Iterator[str]:
    """Yield the lines on tables that may be among the strings of an array."""
    kind = plain(each.type)
    for table in _tables_among(kind):
        yield from ("", f"## A table in `{each.encode_name}`", "", _sentence(table), "")
        yield from _key_table(msgspec.structs.fields(table))


def _tables_among(kind: Any) -> list[type[Struct]]:
    items = alternatives(get_args(kind)[0]) if get_origin(kind) is tuple else ()
    return [one for one in map(plain, items) if is_table(one)]


def _sentence(model: type[Struct], *, capital: bool = True) -> str:
    """Return a docstring's text as Markdown, without the file or table it begins with."""
    text = inspect.getdoc(model) or ""
    place, _, rest = text.partition("``: ")
    text = rest if rest and _is_opening(place) else text
    first = text[:1].upper() if capital else text[:1]
    return f"{first}{text[1:]}".replace("``", "`").replace("\n", " ")


def _is_opening(text: str) -> bool:
    return text.startswith("``") and text.count("``") == 1


def _key_table(fields: Iterable[FieldInfo]) -> Iterator[str]:
    yield from _HEADER
    for each in fields:
        cells = (f"`{each.encode_name}`", _type_words(each.type), _default(each), _about(each))
        yield f"| {' | '.join(cells)} |"


def _type_words(annotation: Any) -> str:
    kind = plain(annotation)
    if get_origin(kind) is Literal:
        return " or ".join(f'`"{choice}"`' for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return "array of strings and tables" if _tables_among(kind) else "array of strings"
    if get_origin(kind) is dict:
        arrays = get_origin(plain(get_args(kind)[1])) is tuple
        return "table of arrays of strings" if arrays else "table of strings"
    if kind is bool:
        return "boolean"
    if kind is int:
        least, most = meta(annotation, "ge"), meta(annotation, "le")
        return f"integer, {least} or more" if most is None else f"integer, {least} to {most}"
    longest = meta(annotation, "max_length")
    return f"string, up to {longest} characters" if longest else "string"


def _default(each: FieldInfo) -> str:
    if each.required:
        return "required"
    missing = each.default in (None, NODEFAULT) or isinstance(each.default, UnsetType)
    return "none" if missing else f"`{json.dumps(each.default)}`"


def _about(each: FieldInfo) -> str:
    if is_table(plain(each.type)):
        return f"Table `[{each.encode_name}]`."
    examples = " or ".join(f"`{text}`" for text in meta(each.type, "examples") or ())
    example = f" For example {examples}." if examples else ""
    return f"{meta(each.type, 'description') or ''}{example}"
