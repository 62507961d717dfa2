#!/bin/sh
# Two roles, so that the server cannot switch its own policies off. Runs once, when the database is made.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -v owner="$OWNER_PASSWORD" -v server="$SERVER_PASSWORD" <<'SQL'
CREATE ROLE idb_owner LOGIN PASSWORD :'owner';
CREATE ROLE idb_server LOGIN PASSWORD :'server';
CREATE DATABASE idb OWNER idb_owner;
SQL
