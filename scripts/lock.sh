#!/usr/bin/env bash
# Renews requirements/*.txt from requirements/*.in. merkletools declares pysha3, which no longer
# builds and is not needed: the override drops it.
set -euo pipefail
cd "$(dirname "$0")/../requirements"
compile() {
    ../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 \
        --override overrides.txt --generate-hashes --no-header --no-annotate --no-emit-index-url "$@"
}
compile build.in -o build.txt
compile dev.in -o dev.txt
compile runtime.in -c dev.txt -o runtime.txt
compile verify.in -c dev.txt -o verify.txt
