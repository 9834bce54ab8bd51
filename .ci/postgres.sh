#!/bin/sh
# Start Debian's PostgreSQL 15, give the tests a role of their own, and print its URL.
# Use: export SAFELIGHT_TEST_POSTGRES="$(.ci/postgres.sh)"
set -eu

version=15
cluster=main
role=safelight_test
password=safelight_test

if ! pg_lsclusters -h | grep -q "^$version *$cluster "; then
    pg_createcluster "$version" "$cluster" >&2
fi
if [ "$(pg_lsclusters -h | awk -v v="$version" -v c="$cluster" '$1 == v && $2 == c { print $4 }')" != online ]; then
    # Another caller may have started it in between: what counts is that it is up below.
    pg_ctlcluster "$version" "$cluster" start >&2 || true
fi
port=$(pg_lsclusters -h | awk -v v="$version" -v c="$cluster" '$1 == v && $2 == c { print $3 }')

tries=0
until pg_isready -q -h 127.0.0.1 -p "$port"; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || { echo "PostgreSQL $version did not start." >&2; exit 1; }
    sleep 0.2
done

as_postgres() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else sudo -n -u postgres "$@"; fi
}
# From /, because the postgres user need not be allowed to read this folder.
cd /
as_postgres psql -q -v ON_ERROR_STOP=1 -p "$port" -d postgres >&2 <<SQL
DO \$\$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '$role') THEN
        CREATE ROLE $role LOGIN CREATEDB PASSWORD '$password';
    END IF;
END
\$\$;
-- Some tests make users with fewer rights.
ALTER ROLE $role CREATEROLE;
SQL
echo "postgresql://$role:$password@127.0.0.1:$port/postgres"
