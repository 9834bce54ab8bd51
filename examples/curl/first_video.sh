#!/bin/sh
# Submit, wait, download: sh first_video.sh "A tram crosses a bridge at dusk" tram.mp4
set -eu
prompt=$1 file=$2
auth="Authorization: Bearer $SAFELIGHT_API_KEY"

# Extract one value of a JSON object, without jq, which is not installed everywhere.
value() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | head -n 1; }

# No --fail: the body of a rejected request has the explanation.
answer=$(curl -sS "$SAFELIGHT_URL/videos" -H "$auth" -F "prompt=$prompt" -F seconds=4 -F size=1280x720)
id=$(printf '%s' "$answer" | tr ',{' '\n\n' | value id)
if [ -z "$id" ]; then
    printf '%s\n' "$answer" >&2
    exit 1
fi
status=queued
while [ "$status" = queued ] || [ "$status" = in_progress ]; do
    sleep 1
    answer=$(curl -sS "$SAFELIGHT_URL/videos/$id" -H "$auth")
    status=$(printf '%s' "$answer" | tr ',{' '\n\n' | value status)
done
if [ "$status" != completed ]; then
    printf '%s\n' "$answer" >&2
    exit 1
fi
curl -sS --fail "$SAFELIGHT_URL/videos/$id/content" -H "$auth" -o "$file"
printf '%s is in %s\n' "$id" "$file"
