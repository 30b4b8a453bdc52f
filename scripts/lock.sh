#!/bin/sh
# Writes requirements/*.lock: exact versions and hashes for every supported Python and system, and no index address.
# Keeps the versions that are locked unless told otherwise: lock.sh --upgrade, lock.sh --upgrade-package starlette
set -eu

cd "$(dirname "$0")/.."
tools=.make/lock-tools
if ! [ -x "$tools/bin/uv" ]; then
    "${PYTHON:-python3}" -m venv "$tools"
    "$tools/bin/python" -m pip install --quiet uv
fi

compile() {
    "$tools/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
        --custom-compile-command "make lock" --constraint requirements/constraints.txt "$@"
}

compile pyproject.toml --output-file requirements/runtime.lock "$@"
compile --group build --output-file requirements/build.lock "$@"
compile pyproject.toml --group dev --constraint requirements/runtime.lock --constraint requirements/build.lock \
    --output-file requirements/dev.lock "$@"
