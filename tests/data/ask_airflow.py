"""Run in a process of its own: asks the installed Airflow whether commands, objects and options exist.

stdin: ``{"commands": [...], "objects": [...]}``; stdout, last line: what is wrong with each (null: nothing), all
options, and those options that hold a secret.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import shlex
import sys

from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf, retrieve_configuration_description


def command_fault(line: str) -> str | None:
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            get_parser().parse_args(shlex.split(line))
    except SystemExit:
        return "not a command"
    return None


def object_fault(name: str) -> str | None:
    module, _, attribute = name.rpartition(".")
    try:
        getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        return str(error)
    return None


asked = json.load(sys.stdin)
described = retrieve_configuration_description(include_airflow=True, include_providers=True)
answer = {
    "commands": {line: command_fault(line) for line in asked["commands"]},
    "objects": {name: object_fault(name) for name in asked["objects"]},
    "options": [f"{section}.{option}".upper() for section, found in described.items() for option in found["options"]],
    "sensitive": [f"{section}.{option}".upper() for section, option in conf.sensitive_config_values],
}
sys.stdout.write("\n" + json.dumps(answer) + "\n")
