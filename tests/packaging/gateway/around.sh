#!/bin/sh
# around.sh COMMAND…: run it while broker, plant and centre of this folder run on loopback.
set -eu
here=$(dirname "$0")
cd "$here"

until_listens() {
	tries=0
	until python3 -c "import socket; socket.create_connection(('127.0.0.1', $1)).close()" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || { echo "nothing listens on $1" >&2; exit 1; }
		sleep 0.2
	done
}

/opt/dianjian/bin/python -I -m provisioning.demo.broker --port 11883 --directory "$here/broker" >broker.out 2>&1 &
pids=$!
dianjian-sim serve "$here/plant.toml" >plant.out 2>&1 &
pids="$pids $!"
# shellcheck disable=SC2086
trap 'kill $pids 2>/dev/null || true' EXIT
until_listens 11883
until_listens 1502
dianjian subscribe --broker mqtt://127.0.0.1:11883 --register gateways.jsonl --key centre.key --store centre.db \
	>subscribe.out 2>subscribe.err &
pids="$pids $!"
"$@"
