make_account
if [ "$1" = 1 ]; then
	chown root:turnserver /etc/turnserver.conf
	chmod 0640 /etc/turnserver.conf
fi
make_place
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload >/dev/null 2>&1 || true
	if [ "$1" = 1 ]; then systemctl preset iceserver.service >/dev/null 2>&1 || true; fi
fi
