if [ -d /run/systemd/system ]; then
	systemctl daemon-reload >/dev/null 2>&1 || true
	if [ "$1" -ge 1 ]; then systemctl try-restart iceserver.service >/dev/null 2>&1 || true; fi
fi
