"""Data contracts: one ODCS file a source table, from which DDL, checks, protection and catalogue are derived."""

from governance.contracts.catalogue import Catalogue, load_catalogue
from governance.contracts.loading import load_contract
from governance.contracts.model import Contract, Field, Protection

__all__ = ["Catalogue", "Contract", "Field", "Protection", "load_catalogue", "load_contract"]
