#!/bin/sh
# What happens on a gateway whose first process is systemd. Each finding is one line NAME=VALUE in $1.
set -u
here=/root/gateway
out=$1
unit=dianjian-agent
: >"$out"

say() {
	printf '%s=%s\n' "$1" "$2" | tee -a "$out"
}

show() {
	systemctl show --value --property "$1" $unit
}

# until NAME COMMAND…: at most two minutes of a slow machine; what did not come is said
until_true() {
	name=$1
	shift
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		if [ $tries -ge 240 ]; then
			say "$name" never
			systemctl status --no-pager --lines=20 $unit
			return 1
		fi
		sleep 0.5
	done
	say "$name" yes
}

status() {
	runuser -u technician -- dianjian status --config /etc/dianjian/site.toml --json 2>&1
}

receipted() { # more than $1 seals
	status | python3 -c "import json, sys; sys.exit(json.load(sys.stdin)['seals']['receipted'] <= $1)"
}

state_is() {
	[ "$(show ActiveState)" = "$1" ]
}

pid_is_not() {
	pid=$(show MainPID)
	[ "$pid" != 0 ] && [ "$pid" != "$1" ] && state_is active
}

say systemd "$(ps -p 1 -o comm= 2>/dev/null || cat /proc/1/comm)"
dpkg -i $here/older.deb || say installed no
say enabled "$(systemctl is-enabled $unit)"
say without_a_site_file "$(show ActiveState) $(show ConditionResult)"
useradd --groups dianjian technician
useradd stranger

$here/enrol.sh
# A site without TLS has no key file; what root has just made in the state folder becomes the agent's.
systemctl start $unit
say start_without_a_key "$? $(show ActiveState) $(stat -c %U /var/lib/dianjian/keys)"
systemctl stop $unit
cp $here/tls/deb-1.pem $here/tls/ca.pem /etc/dianjian/
install -m 600 $here/tls/deb-1.key /etc/dianjian/broker.key
sed -i 's|^url = "mqtt:.*|url = "mqtts://127.0.0.1:18883"\nca = "ca.pem"\ncertificate = "deb-1.pem"\nkey = "credential:broker.key"|' \
	/etc/dianjian/site.toml
systemd-run --quiet --unit=t-broker mosquitto -c $here/mosquitto.conf
systemd-run --quiet --unit=t-plant dianjian-sim serve $here/plant.toml
systemd-run --quiet --unit=t-centre --property=WorkingDirectory=$here --property=Restart=always \
	dianjian subscribe --broker mqtts://127.0.0.1:18883 --register gateways.jsonl --key centre.key \
	--store centre.db --ca tls/ca.pem --certificate tls/centre.pem --certificate-key tls/centre.key

# Type=notify: start returns 0 only after READY=1.
systemctl start $unit
say start $?
say state "$(show ActiveState) $(show SubState) $(show Type)"
until_true receipts receipted 0
systemctl start dianjian-page
page_answers() {
	python3 -c "import urllib.request as r; r.urlopen('http://127.0.0.1:8460/', timeout=20).read()"
}
until_true page page_answers
say renew_timer "$(systemctl is-enabled dianjian-renew.timer) $(systemctl is-active dianjian-renew.timer)"
say technician "$(status | cut -c 1)"
say stranger "$(runuser -u stranger -- dianjian status --config /etc/dianjian/site.toml --json >/dev/null 2>&1; echo $?)"
say key_file "$(stat -c '%U:%G %a' /etc/dianjian/broker.key)"
say user "$(ps -o user= -p "$(show MainPID)" 2>/dev/null || stat -c %U "/proc/$(show MainPID)")"
say listens "$(ss -Hltn | awk '{print $4}' | grep -vE '^(127\.|\[::1\])' | tr '\n' ' ')"
say state_folder "$(stat -c '%U:%G %a' /var/lib/dianjian)"
first=$(show WatchdogTimestampMonotonic)
pinged() {
	[ "$(show WatchdogTimestampMonotonic)" != "$first" ]
}
until_true watchdog_pinged pinged

say doctor_failed "$(dianjian doctor --json 2>/dev/null | python3 -c "import json, sys
print(*(one['check'] for one in json.load(sys.stdin) if one['state'] == 'failed'))")"

# A process that hangs is killed by the watchdog, one that is killed comes back.
pid=$(show MainPID)
kill -STOP "$pid"
until_true back_after_hanging pid_is_not "$pid"
say watchdog_killed "$(journalctl --unit $unit --no-pager --output=cat | grep -c 'Watchdog timeout')"
pid=$(show MainPID)
kill -KILL "$pid"
until_true back_after_a_kill pid_is_not "$pid"
until_true ready_again state_is active

# A wrong site file is said once; nothing is tried again until somebody has mended it.
systemctl stop $unit
say stopped "$(show Result)"
cp /etc/dianjian/site.toml /root/site.good
echo 'nonsense = 1' | cat - /root/site.good >/etc/dianjian/site.toml
systemctl start $unit
until_true wrong_file_fails state_is failed
say wrong_file "$(show ExecMainStatus)"
say wrong_file_line "$(journalctl --unit $unit --no-pager --output=cat | grep -m 1 'nonsense')"
cp /root/site.good /etc/dianjian/site.toml
systemctl start $unit
say mended $?

# Upgrade, rollback, and forward again, while it runs.
seals() {
	status | python3 -c "import json, sys; print(json.load(sys.stdin)['seals']['receipted'])"
}
until_true receipts_before_upgrade receipted 5
before=$(seals)
pid=$(show MainPID)
dpkg -i $here/newer.deb
until_true upgraded pid_is_not "$pid"
say version "$(dianjian-agent --version)"
until_true receipts_after_upgrade receipted "$before"
dpkg -i $here/older.deb
until_true rolled_back_fails state_is failed
say rolled_back "$(show ExecMainStatus) $(show NRestarts)"
say rolled_back_line "$(journalctl --unit $unit --no-pager --output=cat | grep -m 1 'brought it to schema')"
dpkg -i $here/newer.deb
until_true forward_again state_is active
until_true receipts_forward_again receipted "$before"

say exposure "$(systemd-analyze security --no-pager $unit | tail -n 1 | grep -oE '[0-9]+\.[0-9]+')"
say secrets_in_journal "$(journalctl --no-pager | grep -c -e 'PRIVATE KEY' -e "$(sed -n 2p $here/tls/deb-1.key)")"
systemctl status --no-pager --lines=5 $unit
dpkg --remove dianjian-edge
say removed "$(show ActiveState) $(ls /opt/dianjian 2>/dev/null | wc -l) $(ls /var/lib/dianjian/chain.db /etc/dianjian/site.toml | wc -l)"
dpkg --purge dianjian-edge
say purged "$(ls -d /var/lib/dianjian /etc/dianjian /opt/dianjian 2>/dev/null | wc -l) $(ls /srv/recovery.key)"
say failed_units "$(systemctl --failed --no-legend --plain | awk '{print $1}' | tr '\n' ' ')"
say end yes
