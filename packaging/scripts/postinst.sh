kept=/etc/turnserver.conf.iceserver-kept

# leave_coturn takes the script away that is run when the rest of a removed coturn
# is purged: it would delete the user and the database, which are in use here. What
# it would rightly do is done now: no link of the start is left that leads nowhere. A
# coturn that comes back makes them anew.
leave_coturn() {
	state=$(dpkg-query -W -f '${db:Status-Status}' coturn 2>/dev/null || true)
	[ "$state" = config-files ] || return 0
	rm -f "${DPKG_ADMINDIR:-/var/lib/dpkg}/info/coturn.postrm"
	if command -v deb-systemd-helper >/dev/null; then
		# Older packages of coturn mask their unit when they are removed, and purge
		# would forget who has masked it.
		deb-systemd-helper unmask coturn.service >/dev/null || true
		deb-systemd-helper purge coturn.service >/dev/null || true
	fi
	if command -v update-rc.d >/dev/null; then update-rc.d -f coturn remove >/dev/null || true; fi
}

start() {
	command -v deb-systemd-helper >/dev/null || return 0
	deb-systemd-helper unmask iceserver.service >/dev/null || true
	if deb-systemd-helper --quiet was-enabled iceserver.service; then
		deb-systemd-helper enable iceserver.service >/dev/null || true
	else
		deb-systemd-helper update-state iceserver.service >/dev/null || true
	fi
	[ -d /run/systemd/system ] || return 0
	systemctl --system daemon-reload >/dev/null || true
	deb-systemd-invoke "$1" iceserver.service >/dev/null || true
}

case "$1" in
configure)
	make_account
	if [ -e "$kept" ]; then
		mv "$kept" /etc/turnserver.conf
	elif [ -L /etc/turnserver.conf ]; then
		# Dpkg has let the link alone, and leaves beside it what it brought.
		rm -f /etc/turnserver.conf.dpkg-new
	elif [ -z "$2" ] && ! dpkg-statoverride --list /etc/turnserver.conf >/dev/null 2>&1; then
		# It will hold secrets.
		chown root:turnserver /etc/turnserver.conf
		chmod 0640 /etc/turnserver.conf
	fi
	make_place
	leave_coturn
	if [ -n "$2" ]; then start restart; else start start; fi
	;;
abort-upgrade | abort-remove | abort-deconfigure)
	start start
	;;
esac
