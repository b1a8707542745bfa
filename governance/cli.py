"""``xinglin``: the command line (:mod:`governance.lazy`).

A part of the pipeline adds its commands in ``governance/<part>/commands.py`` with ``register(app)``, and one line here.
"""

from __future__ import annotations

import typer

from governance.lazy import Commands, lazy_group

COMMANDS: Commands = {
    "demo": ("governance.runtime.commands", "演示 · Run the whole lifecycle on a sample hospital or your own folder"),
    "up": ("governance.runtime.commands", "启动 · Start the warehouse and Airflow and leave them running"),
    "down": ("governance.runtime.commands", "停止 · Stop everything"),
    "status": ("governance.runtime.commands", "状态 · What runs, and where"),
    "reset": ("governance.runtime.commands", "清空 · Remove all local state (asks first)"),
    "psql": ("governance.runtime.commands", "查询 · Query the warehouse as a researcher, auditor or service"),
    "collect": ("governance.collection.commands", "采集 · Collect new deliveries without Airflow"),
    "contracts": ("governance.collection.commands", "契约 · Check all contract files"),
    "trace": ("governance.lineage.commands", "溯源 · The way back from a mart row to system, file and line"),
    "verify": ("governance.verify.commands", "核验 · Prove on the running system what the pipeline promises"),
    "deid": ("governance.deidentification.commands", "去标识 · Find, replace, measure: text, tables, DICOM, review"),
    "audit": ("governance.audit.commands", "审计 · Verify the audit log, prove a record, ask who read what"),
    "backup": ("governance.backup.commands", "备份 · Back up the whole cluster, encrypted"),
    "backups": ("governance.backup.commands", "备份列表 · List the backups"),
    "keys": ("governance.keys.commands", "密钥 · Keys: what uses which version, and rotation"),
    "evidence": ("governance.evidence.commands", "证据 · Which command answers which item of the security standards"),
    "restore": ("governance.backup.commands", "恢复 · Restore to a scratch server and compare every table"),
}


app = typer.Typer(cls=lazy_group(COMMANDS), no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _xinglin() -> None:
    """杏林：医院数据治理管道 · Xinglin: hospital data governance pipeline."""


if __name__ == "__main__":
    app(prog_name="xinglin")
