#!/bin/sh
# Runs forge in contracts/: FORGE where it is set, else npm's native binary, else the one on PATH.
set -eu
cd "$(dirname "$0")/../contracts"
forge=${FORGE:-node_modules/@foundry-rs/forge-linux-amd64/bin/forge}
[ -n "${FORGE:-}" ] || [ -x "$forge" ] || forge=forge
if ! command -v "$forge" >/dev/null; then
  echo "forge is not here: run 'npm ci' in contracts/ (Linux on amd64)," >&2
  echo "or install Foundry 1.7.1 and set FORGE to its forge" >&2
  exit 2
fi
exec "$forge" "$@"
