kept=/etc/turnserver.conf.iceserver-kept

# A configuration that is there, coturn's as a rule, stays as it is. dpkg would ask
# about one that was edited, or with nobody to answer fail, and replace one that was
# not. So while it unpacks it finds the new file in the place, and postinst puts
# the old one back. It knows the file from then on, as one that was edited. A link
# dpkg lets alone by itself, and what was written there would be in the file that it
# leads to.
if [ "$1" = install ] && [ -z "$2" ] && [ -f /etc/turnserver.conf ] && [ ! -L /etc/turnserver.conf ]; then
	make_account
	# Half a copy, of a full disk, must not pass for what is to be put back.
	if [ ! -e "$kept" ]; then
		cp -p /etc/turnserver.conf "$kept.part"
		mv "$kept.part" "$kept"
	fi
	cat >/etc/turnserver.conf <<'END-OF-CONFIGURATION'
@CONFIGURATION@
END-OF-CONFIGURATION
fi
