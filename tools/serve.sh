#!/usr/bin/env bash
# Serves exported models with TensorFlow Serving: REST on 8501, gRPC on 8500.
#
#   tools/serve.sh exported/paris                      one model, named after its folder
#   tools/serve.sh exported/paris celeba=exported/c    several, with names
#
# Each folder holds numbered versions, as `export` writes them. The server takes the highest one and
# checks for new ones. The script starts the tensorflow_model_server that TFSERVING_BIN names or
# that is on the PATH, or else the official image with docker. Further settings come from the
# environment:
#   REST_PORT=8501  GRPC_PORT=8500
#   HOST=127.0.0.1 (only with docker; else the server listens on all addresses: use a firewall)
#   TFSERVING_IMAGE=tensorflow/serving:2.15.1
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rest_port=${REST_PORT:-8501} grpc_port=${GRPC_PORT:-8500} host=${HOST:-127.0.0.1}
image=${TFSERVING_IMAGE:-tensorflow/serving:2.15.1}

fail() { echo "serve.sh: $*" >&2; exit 1; }

[ $# -gt 0 ] || fail "name the folders of exported models: tools/serve.sh exported/paris"
server=${TFSERVING_BIN:-$(command -v tensorflow_model_server || true)}
[ -z "${TFSERVING_BIN:-}" ] || [ -x "$TFSERVING_BIN" ] ||
  fail "TFSERVING_BIN=$TFSERVING_BIN is no program"
if [ -z "$server" ] && ! command -v docker >/dev/null; then
  fail "neither tensorflow_model_server nor docker is on the PATH (TFSERVING_BIN names a server" \
    "elsewhere); a small server in Python: python -m tools.python_server --model=$1"
fi
if [ -z "$server" ] && ! docker info >/dev/null 2>&1; then
  fail "there is no tensorflow_model_server on the PATH (TFSERVING_BIN names one elsewhere), and docker" \
    "does not answer (docker info says why); a small server in Python: python -m" \
    "tools.python_server --model=$1"
fi

config=$(mktemp -d)
trap 'rm -rf "$config"' EXIT
mounts=() names="" options=()
{
  echo "model_config_list {"
  for argument in "$@"; do
    folder=${argument#*=}
    [ -d "$folder" ] || fail "there is no folder $folder"
    folder=$(cd "$folder" && pwd)
    name=$(basename "$folder")
    case "$argument" in *=*) name=${argument%%=*} ;; esac
    ls "$folder"/[0-9]*/saved_model.pb >/dev/null 2>&1 ||
      fail "$folder holds no numbered version of a model: python -m tfinpaint.export writes them"
    [[ "$name" =~ ^[A-Za-z0-9_.-]+$ ]] ||
      fail "a model's name is made of letters, digits, '_', '-' and '.'. Got $name"
    case " $names " in
      *" $name "*) fail "two models are named $name: NAME=FOLDER gives another name" ;;
    esac
    names="$names $name"
    base=$folder
    if [ -z "$server" ]; then
      base=/models/$name
      mounts+=(--mount "type=bind,source=$folder,target=$base,readonly")
    fi
    echo "  config { name: \"$name\" base_path: \"$base\" model_platform: \"tensorflow\" }"
  done
  echo "}"
} > "$config/models.txt"
cp "$here/serving/batching.txt" "$here/serving/monitoring.txt" "$config/"

options_for() {  # sets the server's `options`: folder $1 of the configuration, gRPC $2, REST $3
  options=("--port=$2" "--rest_api_port=$3" "--model_config_file=$1/models.txt" --enable_batching
    "--batching_parameters_file=$1/batching.txt" "--monitoring_config_file=$1/monitoring.txt"
    --rest_api_timeout_in_ms=60000)
}

if [ -n "$server" ]; then
  options_for "$config" "$grpc_port" "$rest_port"
  "$server" "${options[@]}" &
else
  options_for /config 8500 8501
  # --init: the server has no handler for SIGTERM, which process 1 of a container then ignores
  docker run --init --rm -p "$host:$rest_port:8501" -p "$host:$grpc_port:8500" "${mounts[@]}" \
    --mount "type=bind,source=$config,target=/config,readonly" \
    --entrypoint tensorflow_model_server "$image" "${options[@]}" &
fi
server_pid=$!
trap 'kill "$server_pid" 2>/dev/null || true' INT TERM HUP
status=0
wait "$server_pid" || status=$?  # a signal ends this wait, and the server with it
wait "$server_pid" 2>/dev/null || true
exit "$status"
