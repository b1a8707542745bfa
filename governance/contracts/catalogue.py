"""All contracts of an installation; a malformed one fails its own source and no other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from governance.contracts.loading import load_contract
from governance.contracts.model import Contract, Field, LogicalType, Protection
from governance.errors import ContractError


@dataclass(frozen=True)
class Catalogue:
    """All contracts of an installation.

    Attributes:
        contracts: contract id → contract, only of sources whose files are all sound.
        failures: source → messages of its malformed contracts.
    """

    contracts: dict[str, Contract]
    failures: dict[str, list[str]]

    @property
    def version(self) -> str:
        """Version of the set of contracts: equal exactly when all contracts have equal versions."""
        versions = "\n".join(f"{key} {contract.version}" for key, contract in sorted(self.contracts.items()))
        return f"{len(self.contracts)}-{hashlib.sha256(versions.encode()).hexdigest()[:12]}"

    @property
    def sources(self) -> list[str]:
        """Sources with sound contracts, in order of their names."""
        return sorted({contract.source for contract in self.contracts.values()})

    def of_source(self, source: str) -> list[Contract]:
        """Contracts of one source, referenced tables before the tables that refer to them."""
        mine = [c for c in self.contracts.values() if c.source == source]
        ordered: list[Contract] = []
        while mine:
            waiting = {c.table for c in mine}
            ready = [
                c
                for c in mine
                if not any(
                    f.reference and f.reference.source == source and f.reference.table in waiting - {c.table}
                    for f in c.fields
                )
            ]
            if not ready:
                raise ContractError(f"{source}: the tables {sorted(waiting)} refer to each other in a circle")
            ordered += sorted(ready, key=lambda c: c.table)
            mine = [c for c in mine if c not in ready]
        return ordered


def load_catalogue(folder: Path, source: str | None = None) -> Catalogue:
    """Load ``<folder>/<source>/<table>.odcs.yaml``; a malformed file fails its own source alone.

    Args:
        source: load the contracts of this source only, and check them as if all were loaded.
    """
    contracts: dict[str, Contract] = {}
    failures: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/*.odcs.yaml")):
        if source in (None, path.parent.name):
            _load(path, contracts, failures)
    chosen = list(contracts.values())
    if source is not None:
        parents = {f.reference for c in chosen for f in c.fields if f.reference and f.reference.source != source}
        for path in {folder / parent.source / f"{parent.table}.odcs.yaml" for parent in parents}:
            _load(path, contracts, {})
    for contract in chosen:
        for message in _dangling_references(contract, contracts):
            failures.setdefault(contract.source, []).append(message)
    for name in {c.source for c in chosen} - set(failures):
        try:
            Catalogue(contracts, {}).of_source(name)
        except ContractError as error:
            failures[name] = [str(error)]
    return Catalogue({c.id: c for c in chosen if c.source not in failures}, failures)


def _load(path: Path, contracts: dict[str, Contract], failures: dict[str, list[str]]) -> None:
    try:
        contract = load_contract(path)
        contracts[contract.id] = contract
    except ContractError as error:
        failures.setdefault(path.parent.name, []).append(str(error))


def _dangling_references(contract: Contract, contracts: dict[str, Contract]) -> Iterable[str]:
    for field in contract.fields:
        if field.reference is None:
            continue
        target = contracts.get(f"{field.reference.source}.{field.reference.table}")
        if target is None or field.reference.field not in {f.name for f in target.fields}:
            yield (
                f"{contract.file}: field '{field.name}' refers to {field.reference.source}.{field.reference.table}."
                f"{field.reference.field}, which no sound contract describes"
            )
            continue
        parent = target.field(field.reference.field)
        if parent.token_domain != field.token_domain:
            yield f"{contract.file}: field '{field.name}' and the field it refers to have different token_domain values"
        elif not _comparable(field, parent):
            yield f"{contract.file}: field '{field.name}' and the field it refers to must be both tokens or kept texts"


def _comparable(field: Field, parent: Field) -> bool:
    if Protection.TOKENIZE in field.protection or Protection.TOKENIZE in parent.protection:
        return Protection.TOKENIZE in field.protection and Protection.TOKENIZE in parent.protection
    kept = parent.landing_column is not None
    return kept and field.logical_type is LogicalType.STRING and parent.logical_type is LogicalType.STRING
