"""A typed dataclass as command-line options: one per field, helped by the line under the field."""

from __future__ import annotations

import argparse
import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from videoinv.errors import BadInputError

Settings = TypeVar("Settings")


def add_flags(parser: argparse.ArgumentParser, kind: type[Any], prefix: str = "") -> None:
    """Options for every field of a dataclass, and of those inside it: ``--losses-lpips 0.5``.

    None of them has a default, so that whatever is not given stays as the recipe has it.
    """
    helps = field_docs(kind)
    for name, hint in _types(kind):
        flag = prefix + name.replace("_", "-")
        if is_dataclass(hint):
            add_flags(parser, hint, flag + "-")  # type: ignore[arg-type]
            continue
        options = _options(hint)
        parser.add_argument(f"--{flag}", default=None, help=helps.get(name), **options)


def apply_flags(settings: Settings, args: argparse.Namespace, prefix: str = "") -> Settings:
    """The settings with what was given on the command line.

    Raises:
        BadInputError: if a list has the wrong length, or the settings refuse a value.
    """
    changes: dict[str, Any] = {}
    for name, hint in _types(type(settings)):
        flag = prefix + name
        value = getattr(settings, name)
        if is_dataclass(hint):
            changes[name] = apply_flags(value, args, flag + "_")
        elif (given := getattr(args, flag)) is not None:
            changes[name] = _checked(flag, given, value)
    return replace(settings, **changes)  # type: ignore[type-var]


def by_flag(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every setting by its name on the command line: ``{"size": {"side": 256}}`` → size-side."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = prefix + key.replace("_", "-")
        flat |= by_flag(value, name + "-") if isinstance(value, Mapping) else {name: value}
    return flat


def field_docs(kind: type[Any]) -> dict[str, str]:
    """The docstring under each field of a dataclass, in one line."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
    docs = {}
    for statement, below in pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(below, ast.Expr):
            text = ast.literal_eval(below.value)
            docs[statement.target.id] = " ".join(text.split()).replace("%", "%%")  # type: ignore[union-attr]
    return docs


def _types(kind: type[Any]) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(kind)
    for field in fields(kind):
        yield field.name, hints[field.name]


def _options(hint: Any) -> dict[str, Any]:
    if get_origin(hint) is Literal:
        return {"choices": get_args(hint)}
    if get_origin(hint) is tuple:
        return {"type": get_args(hint)[0], "nargs": "+", "metavar": "N"}
    return {"type": hint, "metavar": hint.__name__.upper()}


def _checked(flag: str, given: Any, value: Any) -> Any:
    if not isinstance(value, tuple):
        return given
    if len(given) != len(value):
        name = flag.replace("_", "-")
        raise BadInputError(f"--{name} takes {len(value)} numbers; got {len(given)}")
    return tuple(given)
