#!/bin/sh
# Start the broker: the fixed part of its configuration is docker/valkey.conf, the password is added from its secret in
# memory (/run/broker is a tmpfs), so that it stands neither in the environment nor on a command line.
set -eu
umask 077

password="$(cat /run/secrets/password_broker)"
if [ -z "$password" ]; then
    echo "the secret password_broker is empty; make it anew with docker/make-secrets.sh" >&2
    exit 1
fi
cp /etc/valkey/valkey.conf /run/broker/valkey.conf
printf 'requirepass %s\n' "$password" >>/run/broker/valkey.conf
exec valkey-server /run/broker/valkey.conf
