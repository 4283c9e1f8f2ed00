#!/bin/sh
# Fills deploy/container/vendor/ from the lock files, on a machine that reaches the registries. The image is then built
# from that folder alone, without a network:
#
#   deploy/container/fetch.sh                       (uv, npm and Go from this environment or PATH; about 3 GB with Go)
#   docker build --network none -f deploy/container/Containerfile -t luya .
#
# What is fetched is pinned: uv.lock's hashes, package-lock.json's integrities, go.sum. LUYA_WITHOUT_GO=1 leaves luyad
# out: the image then has the embedded engine and `rpc` only.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
vendor="$here/vendor"
python=${PYTHON:-python3}
mkdir -p "$vendor/python" "$vendor/npm" "$vendor/go"

echo "1/3 Python packages of uv.lock"
cd "$root"
extras="--extra node --extra gateway --extra auditor"
[ -n "${LUYA_WITHOUT_GO:-}" ] || extras="$extras --extra go"
# shellcheck disable=SC2086  # several words on purpose
uv export --quiet --frozen --no-dev --no-emit-project $extras --format requirements-txt -o "$vendor/requirements.txt"
"$python" -m pip download --quiet --require-hashes --no-deps -r "$vendor/requirements.txt" -d "$vendor/python"
# what builds our own wheel; pyproject.toml names it
"$python" -m pip download --quiet --no-deps 'uv_build>=0.13,<0.14' -d "$vendor/python"

echo "2/3 npm packages of the runtime's lock (the embedded engine)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp chain_node/engine/runtime/package.json chain_node/engine/runtime/package-lock.json "$work"
npm ci --prefix "$work" --cache "$vendor/npm" --ignore-scripts --no-audit --no-fund --silent

if [ -n "${LUYA_WITHOUT_GO:-}" ]; then
    echo "3/3 Go modules: left out (LUYA_WITHOUT_GO)"
else
    echo "3/3 Go modules of go.sum (luyad)"
    cd chain_node/luyad
    GOMODCACHE="$vendor/go" GOFLAGS=-modcacherw go mod download
    # the image needs what was downloaded, not what was unpacked from it
    find "$vendor/go" -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +
fi
du -sh "$vendor"/*
