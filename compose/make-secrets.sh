#!/bin/sh
# Makes the secrets that are missing and leaves those that are there: a folder for each reader, which
# is all of the volume that its container sees. Files belong to root; the reader's group reads them.
set -eu
umask 027
cd /secrets

SERVICE_GROUP=10001 # of the images of the forum
POSTGRES_GROUP=999  # of the official image

random() { od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# keep FILE GROUP VALUE: renamed when whole, so that an interrupted start leaves no half of a secret.
keep() {
  [ ! -s "$1" ] || return 0
  mkdir -p "${1%/*}"
  printf %s "$3" >"$1.new"
  chgrp "$2" "${1%/*}" "$1.new"
  mv "$1.new" "$1"
}

keep internal/secrets 0 "$(random)"
for part in users topics messages monolith; do
  keep "$part-db/superuser_password" "$POSTGRES_GROUP" "$(random)"
  keep "$part-db/role_password" "$POSTGRES_GROUP" "$(random)"
  keep "$part/database_url" "$SERVICE_GROUP" \
    "postgresql://$part:$(cat "$part-db/role_password")@$part-db:5432/$part"
  keep "$part/idempotency_secret" "$SERVICE_GROUP" "$(random)"
  [ "$part" = monolith ] || keep "$part/internal_secrets" "$SERVICE_GROUP" "$(cat internal/secrets)"
done
