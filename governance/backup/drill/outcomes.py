"""What a drill's checks and steps say. A check with nothing to check is not applicable, never passed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict


class State(StrEnum):
    """Result of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"


class Check(BaseModel):
    """One check.

    Attributes:
        title: Chinese, then English.
        checked: how many things were looked at.
        words: figures and ids, for people; never a value of a row.
        findings: what is wrong, one sentence each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    state: State
    checked: int
    words: str
    findings: tuple[str, ...] = ()


class Step(BaseModel):
    """One step of a drill with its duration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    started_at: AwareDatetime
    seconds: float


TITLES = {
    "recoverable": "目标时点可恢复 the moment can be restored",
    "restored": "恢复完成 the restore completed",
    "tables": "逐表行数与内容哈希 row counts and content hashes, table by table",
    "structure": "数据页与索引结构（amcheck） pages and indexes (amcheck)",
    "moment": "恢复到目标时点 recovered to the moment",
    "rpo": "数据丢失量 RPO within its limit",
    "rto": "恢复用时 RTO within its limit",
    "audit_chain": "副本审计链校验 the copy's audit chain verifies",
    "audit_prefix": "副本审计链为现行链之前缀 the copy's audit log is a prefix of the live one",
    "audit_complete": "审计记录未被截断 no audit record is cut off",
    "decryption": "密文抽样解密 a sample of ciphertexts opens",
    "withdrawn": "已撤回者不可读 withdrawn persons are unreadable",
    "archiving": "副本不归档 the copy archives nowhere",
    "noticed": "破坏被核验发现 verification notices the destruction",
    "write_once": "一次写入副本拒绝改动 the write-once copy refuses changes",
    "copy_sound": "一次写入副本完好 the write-once copy verifies as sound",
}
"""Every check that there is, in the order of the report."""


def check(name: str, checked: int, words: str, findings: Sequence[str] = ()) -> Check:
    """A check's result: failed with findings, not applicable with nothing checked, else passed."""
    state = State.FAILED if findings else State.PASSED if checked else State.NOT_APPLICABLE
    return Check(
        name=name, title=TITLES[name], state=state, checked=checked, words=words, findings=tuple(findings[:20])
    )
