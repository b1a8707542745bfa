"""The audit log: append-only, chained under a key, in a Merkle tree with signed checkpoints (docs/decisions/0013)."""

from governance.audit.chain import Algorithm, AuditKeys
from governance.audit.encoding import Kind, Record
from governance.audit.log import append, commitment, heartbeat

__all__ = ["Algorithm", "AuditKeys", "Kind", "Record", "append", "commitment", "heartbeat"]
