#!/usr/bin/env bash
# Make the secrets of a server deployment: `docker/make-secrets.sh [folder]` (default docker/secrets). Needs openssl.
# A secret that exists is kept, so a second run adds only what is missing; delete one file to renew that secret.
#
# The folder is for its owner only (0700). The files in it are readable (0444), because a container's user reads them
# through a bind mount under another user id; on the host nobody gets past the folder.
set -euo pipefail
umask 077

folder="${1:-"$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/secrets"}"
days=3650

fail() { printf '失败 failed: %s\n' "$*" >&2; exit 1; }
command -v openssl >/dev/null || fail "openssl is not installed"

mkdir -p "$folder"
chmod 0700 "$folder"
work="$(mktemp -d "$folder/.work.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# keep <name> <command …>: the command's output becomes the secret, unless there is one; never half a file
keep() {
    local name="$1"
    shift
    [ ! -s "$folder/$name" ] || return 0
    "$@" >"$work/$name"
    [ -s "$work/$name" ] || fail "no content for $name"
    chmod 0444 "$work/$name"
    mv -f "$work/$name" "$folder/$name"
    printf '已生成 made %s\n' "$name"
}

password() { openssl rand -hex 24; }
url_safe() { openssl rand -base64 32 | tr '+/' '-_'; }

for login in postgres broker xinglin_admin xinglin_collect xinglin_transform xinglin_deidentify xinglin_backup \
    xinglin_audit xinglin_airflow; do
    keep "password_$login" password
done
keep airflow_fernet_key url_safe
keep airflow_api_secret openssl rand -hex 32
keep airflow_jwt_secret openssl rand -hex 64
keep kek openssl rand -base64 32

# One authority signs the servers' certificates. Its key never leaves this run: new certificates mean a new authority.
certified=(tls_authority tls_postgres_certificate tls_postgres_key tls_broker_certificate tls_broker_key)
missing=0
for name in "${certified[@]}"; do [ -s "$folder/$name" ] || missing=1; done
if [ "$missing" = 1 ]; then
    for name in "${certified[@]}"; do rm -f "$folder/$name"; done
    openssl ecparam -name prime256v1 -genkey -noout -out "$work/authority.key"
    openssl req -x509 -new -key "$work/authority.key" -sha256 -days "$days" -subj "/CN=Xinglin server authority" \
        -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -out "$work/authority.crt"
    keep tls_authority cat "$work/authority.crt"
    for server in postgres broker; do
        openssl ecparam -name prime256v1 -genkey -noout -out "$work/$server.key"
        openssl req -new -key "$work/$server.key" -subj "/CN=$server" -out "$work/$server.csr"
        printf 'subjectAltName=DNS:%s,DNS:localhost\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n' \
            "$server" >"$work/$server.ext"
        openssl x509 -req -in "$work/$server.csr" -CA "$work/authority.crt" -CAkey "$work/authority.key" \
            -CAcreateserial -sha256 -days "$days" -extfile "$work/$server.ext" -out "$work/$server.crt" 2>/dev/null
        keep "tls_${server}_certificate" cat "$work/$server.crt"
        keep "tls_${server}_key" cat "$work/$server.key"
    done
fi
printf '完成 done: %s\n请另存 kek 与密钥卷 keep copies of "kek" and of the volume "keys" off this machine: both are needed to open a backup.\n' "$folder"
