#!/bin/sh
# At the first start of a database: a role that owns it and nothing else. The superuser stays here.
set -eu
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set="part=$PART" --username=postgres --dbname=postgres <<'SQL'
\set password `cat /run/secrets/role_password`
CREATE ROLE :"part" LOGIN PASSWORD :'password';
CREATE DATABASE :"part" OWNER :"part";
REVOKE CONNECT ON DATABASE :"part" FROM PUBLIC;
SQL
