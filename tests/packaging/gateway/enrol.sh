#!/bin/sh
# As root, once: the site file, the gateway's keys, and the register of a centre that lies in this folder.
# The recovery key lies outside of everything that belongs to the package.
set -eu
here=$(dirname "$0")
key=$(dianjian centre init --key "$here/centre.key" | tail -n 1 | grep -oE '[0-9a-f]{64}')
sed "s/@CENTRE_KEY@/$key/" "$here/site.toml" >/etc/dianjian/site.toml
dianjian-agent check --config /etc/dianjian/site.toml
dianjian enrol --config /etc/dianjian/site.toml --recovery /srv/recovery.key >"$here/request.json"
dianjian centre enrol --register "$here/gateways.jsonl" --key "$here/centre.key" "$here/request.json"
