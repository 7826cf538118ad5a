#!/bin/sh
# Run once by the database's container: the role and database of Kept. No superuser, so that row-level security holds.
set -eu
psql --username postgres --set ON_ERROR_STOP=1 --set password="$KEPT_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE kept LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE kept OWNER kept;
SQL
