kept=/etc/turnserver.conf.iceserver-kept

case "$1" in
abort-install)
	rm -f "$kept.part"
	if [ -e "$kept" ]; then mv "$kept" /etc/turnserver.conf; fi
	;;
remove)
	if [ -d /run/systemd/system ]; then systemctl --system daemon-reload >/dev/null || true; fi
	;;
purge)
	if command -v deb-systemd-helper >/dev/null; then deb-systemd-helper purge iceserver.service >/dev/null || true; fi
	rm -f "$kept" "$kept.part"
	# Where coturn is back by now, its database is its own; also while coturn waits
	# to be configured, as after a question about turnserver.conf that nobody answered.
	case "$(dpkg-query -W -f '${db:Status-Status}' coturn 2>/dev/null || true)" in
	'' | not-installed | config-files)
		rm -f /var/lib/turn/turndb /var/lib/turn/turndb-wal /var/lib/turn/turndb-shm
		rmdir /var/lib/turn 2>/dev/null || true
		;;
	esac
	rm -rf /var/lib/iceserver /var/log/turnserver
	# The user stays: another may come by its number, and there may be files of it.
	;;
esac
