#!/usr/bin/env bash
# Make .venv exactly as requirements.lock says: every package pinned and checked by hash, compiled, and this checkout
# installed editable without touching the network. Needs bash, Python 3.11 or newer with venv; no root, no compiler.
# A stamp makes a repeated call instant; it names the lock file, the interpreter and the folder, so that a copied or
# moved checkout is set up anew.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv="$PWD/.venv"
stamp="$venv/.xinglin-setup"

fail() { printf '失败 failed: %s\n' "$*" >&2; exit 1; }
say() { printf '[%3d s] %s\n' "$SECONDS" "$*"; }

fingerprint() {
    { printf '%s\n' "$PWD"; cat requirements.lock pyproject.toml scripts/uv.txt scripts/setup.sh; } | sha256sum | cut -d' ' -f1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.11 python3.12 python3.13 python3.14; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or newer with venv was found; install python3 and python3-venv, or set PYTHON=/path/to/python3"
}

# uv does not read pip's configuration: hand a mirror or a certificate bundle on.
mirror_of_pip() {
    local index
    index="${PIP_INDEX_URL:-$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)}"
    [ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
    [ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"
}

install_with_uv() {
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r scripts/uv.txt || return 1
    mirror_of_pip
    local sync=("$venv/bin/uv" pip sync --python "$venv/bin/python" --require-hashes --compile-bytecode requirements.lock)
    if [ -t 2 ]; then "${sync[@]}"; else "${sync[@]}" 2> >(grep -v '^ [+~-] ' >&2 || true); fi
}

install_with_pip() { # the lock file is complete, so nothing is left to resolve
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-deps --require-hashes --progress-bar off \
        -r requirements.lock
}

install_project() {
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
}

print=$(fingerprint)
if [ -x "$venv/bin/python" ] && grep -qs "\"$print\"" "$stamp" && "$venv/bin/python" -c '' 2>/dev/null; then
    exit 0
fi

python=$(find_python)
say "安装到 set-up in $venv · $("$python" --version)"
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1 || { [ -f "$stamp" ] && ! grep -qs "\"$PWD\"" "$stamp"; }; then
    "$python" -m venv --clear "$venv"
fi
rm -f "$stamp"
say "按锁定文件安装依赖 installing $(grep -c '^[a-z0-9]' requirements.lock) locked packages with uv …"
if ! install_with_uv; then
    say "uv 不可用，改用 pip（约 2 分钟）uv cannot be used; going on with pip (about 2 minutes) …"
    install_with_pip
fi
say "安装本项目 installing this checkout …"
install_project
say "解析 dbt 项目 parsing the dbt project …"
"$venv/bin/python" -m governance.transformation.parsed
printf '{"fingerprint": "%s", "folder": "%s", "seconds": %d}\n' "$print" "$PWD" "$SECONDS" >"$stamp"
say "安装完成 set-up is done"
