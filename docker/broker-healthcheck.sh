#!/bin/sh
# Healthy when the broker answers over TLS to a client with the password (given in the environment, not as an argument).
set -eu
REDISCLI_AUTH="$(cat /run/secrets/password_broker)"
export REDISCLI_AUTH
answer="$(valkey-cli --tls --cacert /run/secrets/tls_authority -h localhost -p 6379 ping)"
[ "$answer" = PONG ]
