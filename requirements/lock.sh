#!/bin/sh
# Renews the locks. uv resolves for all platforms at once; users install with pip.
set -eu
cd "$(dirname "$0")/.."
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
python3 -m venv "$tool"
"$tool/bin/pip" -q install uv
compile() { "$tool/bin/uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$@"; }
compile pyproject.toml --extra server --extra nudity --extra transcription --group dev -o requirements/dev.lock
compile pyproject.toml --extra server --extra nudity --extra transcription -c requirements/dev.lock -o requirements/base.lock
compile pyproject.toml -c requirements/dev.lock -o requirements/small.lock
compile requirements/build.in -c requirements/dev.lock -o requirements/build.lock
compile requirements/openai2.in -o requirements/openai2.lock
compile requirements/openai3.in -o requirements/openai3.lock
compile requirements/litellm.in -o requirements/litellm.lock
# Without torch, which is installed by its version: see Makefile.
echo torch >"$tool/without"
compile requirements/steer.in --excludes "$tool/without" -o requirements/steer.lock
