"""docker-compose.yaml, checked without an engine: against the Compose specification, and each name in it against what
really exists: commands, modules, options, paths, variables, secrets, volumes, networks, build arguments."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from governance.cli import COMMANDS
from governance.database import Role
from governance.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yaml"
SCHEMA = ROOT / "tests" / "data" / "compose-spec.json"  # of the Compose specification (Apache-2.0, licence beside it)
ONCE = {"provision", "migrate"}  # run and end; all others serve, but `tools` and `officer`, which `up` does not start
FOREIGN = {"postgres", "broker"}  # images of other projects
OTHER_VARIABLES = {"DBT_SEND_ANONYMOUS_USAGE_STATS", "DO_NOT_TRACK", "PGDATA"}
OTHER_VARIABLES |= {"POSTGRES_INITDB_ARGS", "POSTGRES_PASSWORD_FILE"}
MADE = {"airflow_database", "airflow_database_async", "broker_url"}  # put together by governance.runtime.secret_files
ASK = ROOT / "tests" / "data" / "ask_airflow.py"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded = yaml.safe_load(COMPOSE.read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def airflow(document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Asks the installed Airflow, in a process of its own (importing it writes files): commands, objects, options."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__AUTH_MANAGER": document["x-environment"]["AIRFLOW__CORE__AUTH_MANAGER"],
        "PYTHONPATH": str(ROOT),
    }

    def ask(commands: list[str], objects: list[str]) -> Any:
        question = json.dumps({"commands": commands, "objects": objects})
        command = [sys.executable, str(ASK)]
        result = subprocess.run(command, input=question, env=environment, capture_output=True, text=True, check=True)
        return json.loads(result.stdout.splitlines()[-1])

    return ask


@pytest.fixture(scope="module")
def known(document: dict[str, Any], airflow: Callable[..., Any]) -> Any:
    """What Airflow says about all commands and objects of the file, and about two that do not exist."""
    commands = [c.removeprefix("airflow ") for _, c in command_lines(document) if c.startswith("airflow ")]
    return airflow([*commands, "shceduler"], [*imported_objects(document), "socket.gethostnaem"])


# -- what the file says ----------------------------------------------------------------------------------------------


def services(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document["services"])


def words(value: Any) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else [str(word) for word in value or []]


def command_lines(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(service, command line) of entry points, commands and health checks; a shell's argument is split into its own."""
    for name, service in services(document).items():
        test = words(service.get("healthcheck", {}).get("test"))
        shell = test[1:] if test[:1] == ["CMD-SHELL"] else []
        for parts in (words(service.get("entrypoint")), words(service.get("command")), test[1:] if not shell else []):
            if parts[:2] == ["bash", "-euc"]:
                shell += [line.strip() for line in parts[2].split("&&")]
            elif parts:
                yield name, shlex.join(parts)
        for line in shell:
            yield name, line.replace("$$", "$").replace('"', "")


def imported_objects(document: dict[str, Any]) -> list[str]:
    names = ("AIRFLOW__CORE__AUTH_MANAGER", "AIRFLOW__SECRETS__BACKEND", "AIRFLOW__CORE__HOSTNAME_CALLABLE")
    apps = [words(line)[2] for _, line in command_lines(document) if line.startswith("celery --app")]
    return [document["x-environment"][name] for name in names] + apps


def in_repository(path: str) -> Path | None:
    """The file behind a path inside the image, None for paths that are not of the checkout."""
    return ROOT / path.removeprefix("/opt/xinglin/") if path.startswith("/opt/xinglin/") else None


# -- the checks: each yields what is wrong ----------------------------------------------------------------------------


def wrong_by_specification(document: dict[str, Any]) -> Iterator[str]:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(document):
        yield f"specification: {'.'.join(map(str, error.path))}: {error.message[:200]}"


def wrong_commands(document: dict[str, Any], known: Any) -> Iterator[str]:
    files = {c["target"] for s in services(document).values() for c in s.get("configs", [])}
    for name, line in command_lines(document):
        program, *arguments = words(line)
        if program == "airflow" and known["commands"].get(line.removeprefix("airflow "), "not asked") is not None:
            yield f"{name}: Airflow does not know `{line}`"
        elif program == "python" and arguments[0] == "-m" and not importlib.util.find_spec(arguments[1]):
            yield f"{name}: no module {arguments[1]}"
        elif program == "python" and arguments[0] == "-c":
            compile(arguments[1], name, "exec")
        elif program in ("bash", "sh") and arguments[0] not in files:
            yield f"{name}: {arguments[0]} is not among its configs"
        elif program == "xinglin" and arguments[0] != "--help" and arguments[0] not in COMMANDS:
            yield f"{name}: xinglin has no command {arguments[0]}"
        elif program not in ("airflow", "python", "bash", "sh", "xinglin", "celery", "postgres", "pg_isready"):
            yield f"{name}: unknown program {program}"
        for word in arguments:
            if (path := in_repository(word)) and not path.exists():
                yield f"{name}: {word} does not exist in the checkout"
    for name in imported_objects(document):
        if known["objects"].get(name, "not asked") is not None:
            yield f"{name} cannot be imported"


def wrong_variables(document: dict[str, Any], known: Any) -> Iterator[str]:
    code = "".join(path.read_text("utf-8") for path in (ROOT / "governance").rglob("*.py"))
    settings = {f"XINGLIN_{field.upper()}" for field in Settings.model_fields}
    for name, service in services(document).items():
        for variable, value in service.get("environment", {}).items():
            if variable.startswith("AIRFLOW__"):
                _, section, key = variable.split("__", 2)
                option = f"{section}.{key}"
                indirect = f"{section}.{key.removesuffix('_SECRET')}"
                if option in known["sensitive"]:
                    yield f"{name}: {variable} puts a secret into the environment"
                elif indirect in known["sensitive"] and option not in known["options"]:
                    if value not in MADE and value not in document["secrets"]:
                        yield f"{name}: {variable} names no secret: {value}"
                elif option not in known["options"]:
                    yield f"{name}: Airflow has no option {section}.{key}"
            elif variable.startswith("XINGLIN_"):
                if variable not in settings and f'"{variable}"' not in code:
                    yield f"{name}: nothing reads {variable}"
            elif variable not in OTHER_VARIABLES:
                yield f"{name}: unexpected variable {variable}"
            if (path := in_repository(str(value))) and not path.exists():
                yield f"{name}: {variable} names {value}, which does not exist in the checkout"


def wrong_references(document: dict[str, Any]) -> Iterator[str]:
    used: dict[str, set[str]] = {kind: set() for kind in ("volumes", "networks", "secrets", "configs")}
    for service in services(document).values():
        used["volumes"] |= {v["source"] for v in service.get("volumes", []) if v["type"] == "volume"}
        used["networks"] |= set(service["networks"])
        used["secrets"] |= set(service.get("secrets", []))
        used["configs"] |= {c["source"] for c in service.get("configs", [])}
    for kind, names in used.items():
        declared = set(document[kind])
        yield from (f"{kind}: {name} is not declared" for name in sorted(names - declared))
        yield from (f"{kind}: {name} is not used" for name in sorted(declared - names))
    for name, config in document["configs"].items():
        if not (ROOT / config["file"]).is_file():
            yield f"configs: {name}: {config['file']} does not exist"


def wrong_paths(document: dict[str, Any]) -> Iterator[str]:
    """A setting's path lies in a mount of the worker; a volume of ours is a folder that the image gives to its user."""
    environment, worker = document["x-environment"], services(document)["worker"]
    mounts = {volume["target"] for volume in worker["volumes"]}
    for name in ("XINGLIN_STATE", "XINGLIN_KEYRING", "XINGLIN_BACKUPS", "XINGLIN_DELIVERIES"):
        if not any(Path(environment[name]).is_relative_to(mount) for mount in mounts):
            yield f"worker: {name}={environment[name]} is on no volume"
    image = (ROOT / "Dockerfile").read_text("utf-8")
    for name, service in services(document).items():
        for volume in service.get("volumes", []) if name not in FOREIGN else []:
            if volume["type"] == "volume" and not re.search(rf"{volume['target']}(\s|$)", image):
                yield f"{name}: the image makes no folder {volume['target']} for its user"
    arguments = set(re.findall(r"^ARG (\w+)", image, re.MULTILINE))
    for name, service in services(document).items():
        for argument in service.get("build", {}).get("args", {}):
            if argument not in arguments:
                yield f"{name}: the Dockerfile has no build argument {argument}"


def wrong_operation(document: dict[str, Any]) -> Iterator[str]:
    for name, service in services(document).items():
        if not service.get("deploy", {}).get("resources", {}).get("limits", {}).keys() >= {"cpus", "memory", "pids"}:
            yield f"{name}: no limits of cpus, memory and pids"
        if not (service.get("read_only") and service.get("cap_drop") == ["ALL"] and "privileged" not in service):
            yield f"{name}: may write to its image or holds capabilities"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: may gain privileges"
        serving = name not in ONCE | {"tools", "officer"}
        if serving != ("healthcheck" in service):
            yield f"{name}: a health check is for the services that stay, and for all of them"
        if (service.get("restart") == "unless-stopped") != serving:
            yield f"{name}: restart policy {service.get('restart')}"
        for other, wait in service.get("depends_on", {}).items():
            awaited = "service_completed_successfully" if other in ONCE else "service_healthy"
            if wait["condition"] != awaited:
                yield f"{name}: waits for {other} by {wait['condition']}"
        for port in service.get("ports", []):
            if name != "api-server" or not str(port).startswith("${XINGLIN_UI_ADDRESS:-127.0.0.1}:"):
                yield f"{name}: publishes {port}"
        outside = [n for n in service["networks"] if not (document["networks"][n] or {}).get("internal")]
        if outside and name != "api-server":
            yield f"{name}: is on the network {outside}, which leads outside"


def wrong_secrets(document: dict[str, Any]) -> Iterator[str]:
    """Who holds what: its own work's; the superuser's and the administrator's only who makes schema or logins."""
    for name, service in services(document).items():
        held = set(service.get("secrets", []))
        if "password_postgres" in held and name not in {"postgres", "provision"}:
            yield f"{name}: holds the superuser's password"
        if "password_xinglin_admin" in held and name not in {"provision", "officer"}:
            yield f"{name}: holds the administrator's password"
        if "kek" in held and name not in {"provision", "worker", "tools", "officer"}:
            yield f"{name}: holds the key-encryption key"
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET|KEK", variable.split("__")[-1]) and not re.search(
                r"_(FILE|SECRET)$", variable
            ):
                yield f"{name}: {variable} may hold a secret: {value}"
    used = set(re.findall(r"Role\.(\w+)", "".join(p.read_text("utf-8") for p in (ROOT / "dags").glob("*.py"))))
    for role in sorted(Role[name] for name in used):
        if f"password_xinglin_{role}" not in services(document)["worker"]["secrets"]:
            yield f"worker: lacks the password of the role {role}, which a DAG uses"


def faults(document: dict[str, Any], known: Any) -> list[str]:
    return [
        *wrong_by_specification(document),
        *wrong_commands(document, known),
        *wrong_variables(document, known),
        *wrong_references(document),
        *wrong_paths(document),
        *wrong_operation(document),
        *wrong_secrets(document),
    ]


def test_nothing_in_the_file_is_wrong(document: dict[str, Any], known: Any) -> None:
    assert len(list(command_lines(document))) > 12
    assert faults(document, known) == []


def test_variables_of_the_file_and_of_the_example_are_the_same() -> None:
    text = COMPOSE.read_text("utf-8")
    asked = dict(re.findall(r"\$\{(\w+):[-?]([^}]*)\}", text))
    example = (ROOT / "docker" / ".env.example").read_text("utf-8")
    offered = dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE))
    assert asked.keys() == offered.keys()
    asked.pop("XINGLIN_DELIVERIES_FOLDER")  # has no default: it must be set
    assert asked == {name: offered[name] for name in asked}


Planted = tuple[str, Callable[[dict[str, Any]], Any], str]
PLANTED: list[Planted] = [
    ("key", lambda d: d["services"]["worker"].update(helthcheck={}), "specification: services.worker"),
    ("command", lambda d: d["services"]["scheduler"].update(command=["airflow", "shceduler"]), "does not know"),
    ("module", lambda d: d["services"]["tools"].update(entrypoint=["python", "-m", "governance.sevrer"]), "no module"),
    ("script", lambda d: d["services"]["broker"].update(entrypoint=["sh", "/docker/brokr.sh"]), "not among its"),
    ("option", lambda d: d["services"]["worker"]["environment"].update(AIRFLOW__CORE__PARALELISM="1"), "no option"),
    (
        "secret in the environment",
        lambda d: d["services"]["worker"]["environment"].update(AIRFLOW__CORE__FERNET_KEY="k"),
        "puts a secret into the environment",
    ),
    ("variable", lambda d: d["services"]["worker"]["environment"].update(XINGLIN_STAET="/x"), "nothing reads"),
    ("undeclared secret", lambda d: d["services"]["worker"]["secrets"].append("password_x"), "is not declared"),
    ("unused volume", lambda d: d["volumes"].update(spare={}), "spare is not used"),
    ("config file", lambda d: d["configs"]["valkey_conf"].update(file="./docker/valky.conf"), "does not exist"),
    ("build argument", lambda d: d["services"]["worker"]["build"]["args"].update(PYTHON="3"), "no build argument"),
    ("path", lambda d: d["x-environment"].update(XINGLIN_BACKUPS="/srv/backups"), "is on no volume"),
    ("health", lambda d: d["services"]["triggerer"].pop("healthcheck"), "a health check is for"),
    ("port", lambda d: d["services"]["postgres"].update(ports=["5432:5432"]), "publishes"),
    ("reach", lambda d: d["services"]["worker"]["secrets"].append("password_postgres"), "superuser's password"),
    ("role", lambda d: d["services"]["worker"]["secrets"].remove("password_xinglin_collect"), "lacks the password"),
    (
        "dependency",
        lambda d: d["services"]["worker"]["depends_on"]["broker"].update(condition="service_started"),
        "waits",
    ),
]


@pytest.mark.parametrize(("plant", "message"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED])
def test_a_planted_fault_is_found(
    document: dict[str, Any], known: Any, plant: Callable[[dict[str, Any]], Any], message: str
) -> None:
    changed = copy.deepcopy(document)
    for service in changed["services"].values():  # YAML aliases share one object; a fault is for one service
        service.update(copy.deepcopy(service))
    plant(changed)
    assert any(message in fault for fault in faults(changed, known))
