"""Contract files → :class:`~governance.contracts.model.Contract`, or an error that names file, line and field.

Everything is validated when it loads, never when a patient's row arrives.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import yaml
from open_data_contract_standard.model import CustomProperty, DataQuality, SchemaObject, SchemaProperty
from pydantic import ValidationError

from governance.contracts.model import (
    Contract,
    Delivery,
    Field,
    LogicalType,
    Protection,
    Reference,
    Rule,
    Severity,
)
from governance.contracts.rules import (
    BUILT_IN_CHECKS,
    GENERALIZERS,
    check_bound,
    check_expression,
    check_format,
    check_pattern,
)
from governance.contracts.strict import line_of, read_document
from governance.errors import ContractError

IDENTIFIERS = ("direct", "quasi", "sensitive", "none")
CATEGORIES = ("PA", "HS", "MA", "PY", "HR", "PH")  # GB/T 39725-2020, 6.1
FORMATS = ("csv", "ndjson")
_FIELD_PROPERTIES = {
    "identifier", "category", "level", "protection", "token_domain", "index_domain", "generalize_to", "entity",
    "maps_to", "suite",
}  # fmt: skip
_TABLE_PROPERTIES = {"patient_key"}
_OPTIONS = {"minLength", "maxLength", "pattern", "minimum", "maximum", "format"}
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


def load_contract(path: Path) -> Contract:
    """Load one contract file ``<source>/<table>.odcs.yaml``.

    Raises:
        ContractError: names the file, the line and the field, and what would be valid.
    """
    document, tree = read_document(path)
    return _Builder(path, tree).contract(document)


class _Builder:
    """Builds one contract and keeps its file and tree for messages."""

    def __init__(self, path: Path, tree: yaml.Node) -> None:
        self.path, self.tree = path, tree
        self.source = path.parent.name
        self.table = path.name.removesuffix(".odcs.yaml")

    def fail(self, message: str, *steps: str | int) -> NoReturn:
        raise ContractError(f"{self.path}:{line_of(self.tree, *steps)}: {message}")

    def contract(self, document: Any) -> Contract:
        if document.kind != "DataContract" or not str(document.apiVersion).startswith("v3."):
            self.fail("kind must be DataContract and apiVersion v3.x")
        if document.id != f"{self.source}.{self.table}":
            self.fail(f"id must be '{self.source}.{self.table}', as the file's folder and name say", "id")
        if not document.version:
            self.fail("version is missing")
        if not document.schema_ or len(document.schema_) != 1:
            self.fail("a contract describes exactly one table", "schema")
        table = document.schema_[0]
        if table.name != self.table:
            self.fail(f"schema name must be '{self.table}', as the file is called", "schema", 0, "name")
        own = self.custom(table.customProperties, _TABLE_PROPERTIES, "schema", 0, "customProperties")
        fields = self.fields(table)
        names = [f.name for f in fields]
        patient_key = own.get("patient_key")
        if patient_key is not None and patient_key not in names:
            self.fail(f"patient_key names no field: '{patient_key}'{_near(patient_key, names)}", "schema", 0)
        for f in fields:
            if f.name == patient_key and Protection.TOKENIZE not in f.protection:
                self.fail(f"patient_key '{patient_key}' must have protection tokenize", "schema", 0)
        rules = tuple(
            self.rule(quality, f"{self.source}.{self.table}", names, None, "schema", 0, "quality", position)
            for position, quality in enumerate(table.quality or [])
        )
        self.check_expressions(fields, rules)
        return Contract(
            id=document.id,
            source=self.source,
            table=self.table,
            version=document.version,
            file=f"{self.source}/{self.path.name}",
            title=document.name or document.id,
            description=table.description or "",
            delivery=self.delivery(document.servers),
            patient_key=patient_key,
            fields=tuple(fields),
            rules=rules,
        )

    def delivery(self, servers: Any) -> Delivery:
        if not servers or len(servers) != 1 or not servers[0].path:
            self.fail("servers must hold one entry of type local with the files' path", "servers")
        server = servers[0]
        if server.format not in FORMATS:
            self.fail(f"format '{server.format}' is unknown; one of {', '.join(FORMATS)}", "servers", 0, "format")
        try:
            "".encode(server.encoding or "utf-8")
        except LookupError:
            self.fail(f"encoding '{server.encoding}' is unknown", "servers", 0, "encoding")
        return Delivery(
            path=server.path,
            format=server.format,
            encoding=server.encoding or "utf-8",
            delimiter=server.delimiter or ",",
        )

    def fields(self, table: SchemaObject) -> list[Field]:
        properties = table.properties or []
        if not properties:
            self.fail("the table has no properties", "schema", 0)
        fields = [self.field(p, position) for position, p in enumerate(properties)]
        for attribute in ("name", "physical_name"):
            values = [getattr(f, attribute) for f in fields]
            doubled = {value for value in values if values.count(value) > 1}
            if doubled:
                self.fail(f"{attribute} stands twice: {', '.join(sorted(doubled))}", "schema", 0, "properties")
        return fields

    def field(self, p: SchemaProperty, position: int) -> Field:
        here: tuple[str | int, ...] = ("schema", 0, "properties", position)
        if not p.name or not _NAME.match(p.name):
            self.fail(f"field name '{p.name}' must be lower snake case", *here)
        own = self.custom(p.customProperties, _FIELD_PROPERTIES, *here, "customProperties", field=p.name)
        for needed in ("protection", "identifier", "category", "level"):
            if needed not in own:
                self.fail(f"field '{p.name}' has no '{needed}' among its customProperties", *here)
        options = p.logicalTypeOptions or {}
        for key in options:
            if key not in _OPTIONS:
                self.fail(f"field '{p.name}': unknown logicalTypeOptions key '{key}'{_near(key, _OPTIONS)}", *here)
        try:
            field = Field(
                name=p.name,
                physical_name=p.physicalName or p.name,
                business_name=p.businessName,
                description=p.description,
                logical_type=LogicalType(p.logicalType or "string"),
                format=options.get("format"),
                required=bool(p.required or p.primaryKey),
                primary_key=bool(p.primaryKey),
                min_length=options.get("minLength"),
                max_length=options.get("maxLength"),
                pattern=options.get("pattern"),
                minimum=_bound(options.get("minimum")),
                maximum=_bound(options.get("maximum")),
                enum=tuple(str(e.value) for e in p.enum or []),
                reference=self.reference(p, here),
                rules=tuple(
                    self.rule(q, f"{self.source}.{self.table}.{p.name}", [p.name], p.name, *here, "quality", i)
                    for i, q in enumerate(p.quality or [])
                ),
                identifier=own["identifier"],
                category=own["category"],
                level=own["level"],
                protection=tuple(Protection(value) for value in _list(own["protection"])),
                token_domain=own.get("token_domain"),
                index_domain=own.get("index_domain"),
                generalize_to=own.get("generalize_to"),
                entity=own.get("entity"),
                suite=own.get("suite"),
                maps_to=tuple(_list(own.get("maps_to"))),
            )
        except ValidationError as error:
            first = error.errors()[0]
            self.fail(f"field '{p.name}': {first['loc'][0]}: {first['msg']}", *here)
        except ValueError as error:
            self.fail(f"field '{p.name}': {error}", *here)
        self.check_field(field, here)
        return field

    def check_field(self, field: Field, here: tuple[str | int, ...]) -> None:
        """Refuse combinations that could not be carried out."""
        kinds = set(field.protection)
        problem = None
        if field.identifier not in IDENTIFIERS:
            problem = f"identifier '{field.identifier}' is not one of {', '.join(IDENTIFIERS)}"
        elif field.category not in CATEGORIES:
            problem = f"category '{field.category}' is not one of GB/T 39725's {', '.join(CATEGORIES)}"
        elif not 1 <= field.level <= 5:
            problem = f"level {field.level} is not between 1 and 5 (GB/T 39725)"
        elif field.identifier == "direct" and {Protection.KEEP, Protection.SHIFT_DATE} & kinds:
            problem = "a direct identifier may not be kept in plain; tokenize, encrypt, scrub, generalize or drop it"
        elif not kinds:
            problem = "protection names nothing; drop is the word for not storing it"
        elif Protection.TOKENIZE in kinds and not field.token_domain:
            problem = "protection tokenize needs a token_domain"
        elif Protection.BLIND_INDEX in kinds and not field.index_domain:
            problem = "protection blind_index needs an index_domain"
        elif Protection.GENERALIZE in kinds and field.generalize_to not in GENERALIZERS:
            problem = f"generalize_to must be one of {', '.join(sorted(GENERALIZERS))}"
        elif {Protection.DROP, Protection.KEEP} & kinds and len(kinds) > 1:
            problem = "protection keep or drop stands alone"
        elif field.logical_type in {LogicalType.DATE, LogicalType.TIMESTAMP} and not field.format:
            problem = "a date or timestamp needs logicalTypeOptions.format (strftime)"
        else:
            problem = _unusable_options(field)
        if problem:
            self.fail(f"field '{field.name}': {problem}", *here)

    def check_expressions(self, fields: list[Field], rules: tuple[Rule, ...]) -> None:
        """Refuse expressions that name no field or could not be evaluated on the fields' types."""
        types = {f.name: f.logical_type for f in fields}
        placed: list[tuple[Rule, tuple[str | int, ...]]] = [
            (rule, ("schema", 0, "quality", position)) for position, rule in enumerate(rules)
        ]
        for position, f in enumerate(fields):
            here = ("schema", 0, "properties", position, "quality")
            placed += [(rule, (*here, number)) for number, rule in enumerate(f.rules)]
        for rule, place in placed:
            problem = check_expression(rule.expression, types) if rule.expression is not None else None
            if problem:
                self.fail(f"rule '{rule.id.rsplit('.', 1)[-1]}': {problem}", *place)

    def reference(self, p: SchemaProperty, here: tuple[str | int, ...]) -> Reference | None:
        if not p.relationships:
            return None
        target = p.relationships[0].to
        parts = target.split(".") if isinstance(target, str) else []
        if len(parts) == 2:
            parts = [self.source, *parts]
        if len(p.relationships) > 1 or len(parts) != 3:
            self.fail(f"field '{p.name}': one relationship to <table>.<field> or <source>.<table>.<field>", *here)
        return Reference(source=parts[0], table=parts[1], field=parts[2])

    def rule(self, quality: DataQuality, prefix: str, names: list[str], field: str | None, *here: str | int) -> Rule:
        if not quality.name or not _NAME.match(quality.name):
            self.fail("a quality rule needs a name in lower snake case", *here)
        if quality.type != "custom" or quality.engine != "xinglin":
            self.fail(f"rule '{quality.name}': type must be custom and engine xinglin", *here)
        severity = quality.severity or "error"
        if severity not in set(Severity):
            self.fail(f"rule '{quality.name}': severity is error or warning, not '{severity}'", *here)
        rule_id, implementation = f"{prefix}.{quality.name}", quality.implementation
        common: dict[str, Any] = {
            "id": rule_id,
            "severity": Severity(severity),
            "dimension": quality.dimension or "validity",
        }
        if isinstance(implementation, str):
            return Rule(expression=implementation, **common)
        known = {"check", "code_set", "range_table", "fields", "key", "field"}
        given = dict(implementation or {})
        for key in given:
            if key not in known:
                self.fail(f"rule '{quality.name}': unknown key '{key}'{_near(key, known)}", *here)
        fields = tuple(given.get("fields") or given.get("key") or ([field] if field else []))
        subject = given.get("field") or field
        if sum(key in given for key in ("check", "code_set", "range_table")) != 1:
            self.fail(f"rule '{quality.name}': needs exactly one of check, code_set, range_table", *here)
        if "check" in given and given["check"] not in BUILT_IN_CHECKS:
            self.fail(f"rule '{quality.name}': unknown check{_near(given['check'], BUILT_IN_CHECKS)}", *here)
        unknown = [name for name in (*fields, *([subject] if subject else [])) if field is None and name not in names]
        if unknown:
            self.fail(f"rule '{quality.name}': no such field: {', '.join(unknown)}", *here)
        if ("code_set" not in given and not subject) or ("check" not in given and not fields):
            self.fail(f"rule '{quality.name}': at a table, say the field or the key that it is about", *here)
        return Rule(
            check=given.get("check"),
            code_set=given.get("code_set"),
            range_table=given.get("range_table"),
            fields=fields,
            field=subject,
            **common,
        )

    def custom(
        self, properties: list[CustomProperty] | None, known: set[str], *here: str | int, field: str | None = None
    ) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for position, entry in enumerate(properties or []):
            if entry.property not in known:
                of = f"field '{field}': " if field else ""
                near = _near(str(entry.property), known)
                self.fail(f"{of}unknown custom property '{entry.property}'{near}", *here, position)
            if entry.property in values:
                of = f"field '{field}': " if field else ""
                self.fail(f"{of}custom property '{entry.property}' stands twice", *here, position)
            values[str(entry.property)] = entry.value
        return values


def _near(word: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(str(word), names, n=1)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(sorted(names))}"


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _bound(value: Any) -> Any:
    return value if isinstance(value, int | float) or value is None else str(value)


def _unusable_options(field: Field) -> str | None:
    """Why the gate could not carry out a field's format, pattern or bounds, or ``None`` when it can."""
    if field.suite and not field.in_vault:
        return "a suite is for ciphertext; add encrypt or scrub to the protection, or leave the suite out"
    problems = [check_pattern(field.pattern)] if field.pattern is not None else []
    if field.format is not None:
        problems.append(check_format(field.format, field.logical_type))
    problems += [check_bound(b, field.logical_type) for b in (field.minimum, field.maximum) if b is not None]
    return next((problem for problem in problems if problem), None)
