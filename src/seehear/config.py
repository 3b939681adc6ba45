"""Typed, strict configuration: TOML file + `key=value` overrides -> frozen dataclass -> JSON.

A configuration is a (nested) frozen dataclass whose defaults are the published values; a TOML file
holds differences only; `key=value` pairs come last and may use dots for nested fields. An unknown
key or a value of another type is a `ConfigError` that lists what would be right.
"""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from seehear.errors import ConfigError

T = TypeVar("T")


def load_config(cls: type[T], path: Path | None = None, overrides: Sequence[str] = ()) -> T:
    """Build a configuration from defaults, a TOML file and `key=value` overrides.

    Args:
        cls: dataclass to build.
        path: TOML file with differences, or None.
        overrides: items like `optim.learning_rate=3e-4`; values are TOML literals, and anything
            that is not one is taken as a string.

    Returns:
        An instance of `cls`.

    Raises:
        ConfigError: unreadable file, unknown key, wrong type, or an item without `=`.
    """
    values = read_values(path, overrides)
    return from_dict(cls, values, where=str(path) if path else cls.__name__)


def read_values(path: Path | None, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Plain values of a TOML file with `key=value` overrides, not checked against any dataclass.

    Args:
        path: TOML file, or None.
        overrides: as in `load_config`.

    Raises:
        ConfigError: unreadable file, or an item without `=`.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path} is not valid TOML: {error}") from error
    for item in overrides:
        key, equals, text = item.partition("=")
        if not equals or not key:
            raise ConfigError(f"expected key=value, got {item!r}")
        _set_nested(values, key.split("."), _literal(text), item)
    return values


def from_dict(cls: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build a dataclass from plain values, strictly.

    Args:
        cls: dataclass to build.
        values: field name -> value; nested dataclasses take nested mappings, tuples take lists.
        where: name used in messages.

    Raises:
        ConfigError: unknown key, wrong type, or a missing field that has no default.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Small:
    ...     width: int = 3
    >>> from_dict(Small, {"width": 5})
    Small(width=5)
    """
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ConfigError(
            f"unknown key {unknown[0]!r} in {where or cls.__name__}; known: {', '.join(fields)}"
        )
    built = {
        name: _convert(hints[name], value, f"{where}.{name}" if where else name)
        for name, value in values.items()
    }
    missing = [
        name
        for name, f in fields.items()
        if name not in built
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{where or cls.__name__} needs a value for {missing[0]!r}")
    return cls(**built)


def to_dict(config: Any) -> dict[str, Any]:
    """Turn a configuration into JSON-ready values (tuples become lists, paths strings)."""
    plain = _plain(config)
    assert isinstance(plain, dict), "a configuration is a dataclass"
    return plain


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, Path):
        return str(value)
    return value


def _set_nested(values: dict[str, Any], keys: list[str], value: Any, item: str) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{item!r} goes below a key that holds a plain value")
    values[keys[-1]] = value


def _literal(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _convert(hint: Any, value: Any, where: str) -> Any:
    """Check and convert one value; lists become tuples, numbers widen from int to float only."""
    origin = get_origin(hint)
    if hint is Any:
        return value
    if origin is Literal:
        if value not in get_args(hint):
            choices = ", ".join(map(repr, get_args(hint)))
            raise ConfigError(f"{where} must be one of {choices}, not {value!r}")
        return value
    if origin in (Union, types.UnionType):
        return _convert_union(hint, value, where)
    if origin is tuple:
        return _convert_tuple(hint, value, where)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} must be a table, not {value!r}")
        inner = get_args(hint)[1]
        return {str(key): _convert(inner, item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} must be a table, not {value!r}")
        return from_dict(typing.cast(type, hint), value, where)
    return _convert_plain(hint, value, where)


def _convert_union(hint: Any, value: Any, where: str) -> Any:
    options = get_args(hint)
    if value is None or value == "none":
        if type(None) in options:
            return None
        raise ConfigError(f"{where} may not be empty")
    problems = []
    for option in options:
        if option is type(None):
            continue
        try:
            return _convert(option, value, where)
        except ConfigError as error:
            problems.append(str(error))
    raise ConfigError(problems[0])


def _convert_tuple(hint: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ConfigError(f"{where} must be a list, not {value!r}")
    inner = get_args(hint)
    if len(inner) == 2 and inner[1] is Ellipsis:
        return tuple(_convert(inner[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if len(inner) != len(value):
        raise ConfigError(f"{where} must have {len(inner)} items, not {len(value)}")
    return tuple(
        _convert(kind, item, f"{where}[{i}]")
        for i, (kind, item) in enumerate(zip(inner, value, strict=True))
    )


def _convert_plain(hint: Any, value: Any, where: str) -> Any:
    if hint is Path and isinstance(value, (str, Path)):
        return Path(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    name = getattr(hint, "__name__", str(hint))
    raise ConfigError(f"{where} must be {name}, not {value!r}")
