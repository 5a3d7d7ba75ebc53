#!/bin/sh
# A role that owns its database and nothing else, with the password of the secrets' volume; the
# superuser stays here. At the first start of a database, and again for another password:
# docs/runbooks/replace-passwords.md. What is there already stays.
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set="part=$PART" --username=postgres --dbname=postgres <<'SQL'
\set password `cat /run/secrets/role_password`
\set superuser_password `cat /run/secrets/superuser_password`
SELECT format('CREATE ROLE %I LOGIN', :'part')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'part') \gexec
ALTER ROLE :"part" PASSWORD :'password';
ALTER ROLE postgres PASSWORD :'superuser_password';
SELECT format('CREATE DATABASE %I OWNER %I', :'part', :'part')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'part') \gexec
REVOKE CONNECT ON DATABASE :"part" FROM PUBLIC;
SQL
