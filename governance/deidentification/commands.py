"""``xinglin deid``: de-identification as tools. No command but ``risk <table>``, ``sample`` needs the warehouse."""

from __future__ import annotations

import typer

from governance.lazy import Commands, lazy_group

COMMANDS: Commands = {
    "spans": ("governance.deidentification.pipes", "标出标识符 · JSON lines in, places and types of identifiers out"),
    "text": ("governance.deidentification.pipes", "文本去标识 · JSON lines in, de-identified text out"),
    "table": ("governance.deidentification.tabling", "表格去标识 · De-identify a delivered file as its contract says"),
    "evaluate": ("governance.deidentification.evaluating", "测评 · Measure on your own annotated notes"),
    "risk": ("governance.deidentification.risking", "重识别风险 · GB/T 42460 grade, k, l and risk of a table"),
    "dicom": ("governance.deidentification.imaging", "影像头去标识 · De-identify a folder of DICOM files"),
    "sample": ("governance.deidentification.sampling", "抽样复核 · Draw a sample of scrubbed texts for human review"),
    "review": ("governance.deidentification.reviewing", "复核结果 · Read reviewers' finds: residual rate, test cases"),
}


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(cls=lazy_group(COMMANDS), no_args_is_help=True, help="去标识工具 · De-identification tools")
    app.add_typer(group, name="deid")
