# The user of the service is coturn's, so that its files need no other owner.
make_account() {
	getent group turnserver >/dev/null || groupadd --system turnserver
	getent passwd turnserver >/dev/null ||
		useradd --system --gid turnserver --home-dir / --no-create-home --shell /usr/sbin/nologin \
			--comment "STUN and TURN server" turnserver
}

# make_place makes the directories, which systemd-tmpfiles would make at the next
# start of the machine. What is there is left alone, coturn's database above all.
# An empty one is for turnadmin and the server alike, whoever calls turnadmin first.
make_place() {
	[ -d /var/lib/iceserver ] || install -d -o turnserver -g turnserver -m 0700 /var/lib/iceserver
	[ -d /var/lib/turn ] || install -d -o turnserver -g turnserver -m 0770 /var/lib/turn
	[ -d /var/log/turnserver ] || install -d -o turnserver -g turnserver -m 0750 /var/log/turnserver
	[ -e /var/lib/turn/turndb ] || install -o turnserver -g turnserver -m 0640 /dev/null /var/lib/turn/turndb
}

