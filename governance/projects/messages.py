"""Messages about a specification: where the fault is and what was probably meant."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterable

from pydantic import BaseModel, ValidationError


def nearest(value: str, valid: Iterable[str]) -> str:
    """``; nearest valid: 'x'`` for the valid word that resembles a value most, else an empty text."""
    found = difflib.get_close_matches(value, sorted(valid), n=1, cutoff=0.5)
    return f"; nearest valid: '{found[0]}'" if found else ""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first fault of a document in words: key path, what is wrong, nearest valid key. Never the value itself."""
    fault = error.errors(include_input=False, include_url=False)[0]
    path = [str(part) for part in fault["loc"] if part != "[key]"]
    key = ".".join(path) or "the document"
    if fault["type"] == "extra_forbidden":
        holder = _model_at(model, path[:-1])
        valid = _keys(holder) if holder else []
        return f"unknown key {key}{nearest(path[-1], valid)}; remove or rename it"
    return f"{key}: {fault['msg'][0].lower()}{fault['msg'][1:]}; correct it and run again"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], path: list[str]) -> type[BaseModel] | None:
    """The nested model that a key path leads to; list positions and mapping keys are stepped over."""
    current: object = model
    for part in path:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = next((f for name, f in current.model_fields.items() if part in (name, f.alias)), None)
            if field is None:
                return None
            current = field.annotation
        else:
            inner = [each for each in typing.get_args(current) if each is not Ellipsis]
            current = inner[-1] if inner else None
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None
