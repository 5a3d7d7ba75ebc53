#!/bin/sh
# Makes the secrets that are missing and leaves those that are there: a folder for each reader, which
# is all of the volume that its container sees. Files belong to root; the reader's group reads them.
#
#   docker compose run --rm secrets rotate-internal add|sign|drop
#   docker compose run --rm secrets new-passwords users|topics|messages|monolith
#
# are steps of docs/runbooks/rotate-internal-secret.md and of replace-passwords.md.
set -eu
umask 027
cd /secrets

SERVICE_GROUP=10001 # of the images of the forum
POSTGRES_GROUP=999  # of the official image

random() { od -An -v -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# put FILE GROUP VALUE: renamed when whole and on the disk, so that nothing that interrupts a start
# leaves half of a secret, or another one than a database has been told.
put() {
  mkdir -p "${1%/*}"
  printf %s "$3" >"$1.new"
  chgrp "$2" "${1%/*}" "$1.new"
  sync "$1.new"
  mv "$1.new" "$1"
  sync "${1%/*}"
}

keep() { [ -s "$1" ] || put "$@"; }

fail() {
  echo "$1" >&2
  exit 1
}

# internal/secrets signs. Beside it, while the secret is replaced, is the next one, then the previous
# one. A step that was taken already changes nothing.
rotate_internal() {
  case $1 in
    add)
      [ ! -s internal/previous ] || fail "A rotation is under way: its last step is drop."
      keep internal/next 0 "$(random)"
      echo "Every service accepts the next secret once it has been replaced."
      ;;
    sign)
      if [ -s internal/next ]; then
        keep internal/previous 0 "$(cat internal/secrets)"
        put internal/secrets 0 "$(cat internal/next)"
        rm internal/next
      fi
      [ -s internal/previous ] || fail "There is no next secret: the first step is add."
      echo "Every service signs with the new secret once it has been replaced."
      ;;
    drop)
      [ ! -s internal/next ] || fail "Nobody signs with the next secret yet: the second step is sign."
      rm -f internal/previous
      echo "No service accepts the old secret once it has been replaced."
      ;;
    *) fail "The steps are add, sign and drop." ;;
  esac
}

# Those of one database are made anew below; the database hears of it by make-role.sh.
new_passwords() {
  case $1 in
    users | topics | messages | monolith) ;;
    *) fail "Name the database: users, topics, messages or monolith." ;;
  esac
  rm -f "$1/database_url" "$1-db/role_password" "$1-db/superuser_password"
  echo "There are new passwords for the database of $1."
}

# The first signs, all are accepted.
internal_secrets() {
  cat internal/secrets
  for file in internal/next internal/previous; do
    [ ! -s "$file" ] || printf ,%s "$(cat "$file")"
  done
}

keep internal/secrets 0 "$(random)"
case ${1:-} in
  '') ;;
  rotate-internal) rotate_internal "${2:-}" ;;
  new-passwords) new_passwords "${2:-}" ;;
  *) fail "There is no command '$1'; there are rotate-internal and new-passwords." ;;
esac
for part in users topics messages monolith; do
  keep "$part-db/superuser_password" "$POSTGRES_GROUP" "$(random)"
  keep "$part-db/role_password" "$POSTGRES_GROUP" "$(random)"
  keep "$part/database_url" "$SERVICE_GROUP" \
    "postgresql://$part:$(cat "$part-db/role_password")@$part-db:5432/$part"
  keep "$part/idempotency_secret" "$SERVICE_GROUP" "$(random)"
  [ "$part" = monolith ] || put "$part/internal_secrets" "$SERVICE_GROUP" "$(internal_secrets)"
done
