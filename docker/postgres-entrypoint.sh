#!/usr/bin/env bash
# Start PostgreSQL with TLS. A mounted secret belongs to the host's user; the server wants its private key to be its own
# and closed to all others, so it gets a copy in memory (/run/tls is a tmpfs). Then the official image takes over.
set -euo pipefail

for part in certificate key; do
    install -o postgres -g postgres -m 0600 "/run/secrets/tls_postgres_$part" "/run/tls/$part.pem"
done
exec docker-entrypoint.sh "$@"
