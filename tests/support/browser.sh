#!/bin/sh
# Chromium for tests. It ends with the process that started it, and cannot raise its priority: one that a test left behind
# was seen spinning at real-time priority, which starves a machine.
program=${SAFELIGHT_TEST_CHROMIUM:-/usr/bin/chromium}
command -v setpriv >/dev/null || exec "$program" "$@"
# Only root has the right and can give it up.
[ "$(id -u)" -eq 0 ] && set -- --bounding-set -sys_nice "$program" "$@" || set -- "$program" "$@"
exec setpriv --pdeathsig KILL "$@"
