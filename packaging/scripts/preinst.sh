kept=/etc/turnserver.conf.iceserver-kept

# A configuration that is there, coturn's as a rule, stays as it is. dpkg would ask
# about one that was edited, or with nobody to answer fail, and replace one that was
# not. So while it unpacks it finds the new file in the place, and postinst puts
# the old one back. It knows the file from then on, as one that was edited.
if [ "$1" = install ] && [ -z "$2" ] && [ -f /etc/turnserver.conf ]; then
	make_account
	[ -e "$kept" ] || cp -p /etc/turnserver.conf "$kept"
	cat >/etc/turnserver.conf <<'END-OF-CONFIGURATION'
@CONFIGURATION@
END-OF-CONFIGURATION
fi
