package config

import (
	"strings"
	"testing"
)

// The command line as coturn's server takes it.
func TestParseArgs(t *testing.T) {
	for _, c := range []struct{ args, flags, rest string }{
		{"--min-port 2000 --max-port=3000", "min-port=2000 max-port=3000", ""},
		{"--no-tcp --dtls=false --fingerprint", "no-tcp dtls=false fingerprint", ""},
		{"--verbose true t.conf --dtls off --no-tcp no --no-tls 1", "verbose=true dtls=off no-tcp=no no-tls", "t.conf 1"},
		{"-v -a -f -n", "verbose lt-cred-mech fingerprint", "--no-config"},
		{"-vazS -p 3479", "verbose lt-cred-mech no-auth stun-only listening-port=3479", ""},
		{"-p3479 -L127.0.0.1 -L ::1 -r=x", "listening-port=3479 listening-ip=127.0.0.1 listening-ip=::1 realm=x", ""},
		{"-c /etc/t.conf -zn -h", "no-auth", "--config=/etc/t.conf --no-config --help"},
		{"-c/etc/t.conf --config x --config=y", "", "--config=/etc/t.conf --config=x --config=y"},
		{"--stale-nonce 600 --stale-nonce --stale-nonce=5 x", "stale-nonce=600 stale-nonce stale-nonce=5", "x"},
		{"--pidfile= --no-stdout-log --log-file -", "pidfile= no-stdout-log log-file=-", ""},
		{"--json word --version --help", "", "--json word --version --help"},
		{"--no-tcp -- --no-udp -x", "no-tcp", "--no-udp -x"},
		{"-u a:b -X 192.0.2.1/10.0.0.1 -E 10.0.0.1 -m 4", "user=a:b external-ip=192.0.2.1/10.0.0.1 relay-ip=10.0.0.1 relay-threads=4", ""},
		{"-K -o -V -q 1 -Q 2 -s 3 -B 4 -C | -A keep -l x -b /d -i eth0 -d eth1", "keep-address-family daemon Verbose user-quota=1 " +
			"total-quota=2 max-bps=3 bps-capacity=4 rest-api-separator=| allocation-default-address-family=keep log-file=x userdb=/d " +
			"relay-device=eth0 listening-device=eth1", ""},
		{"-e p -M m -J j -N n -O o --no-tlsv1", "psql-userdb=p mysql-userdb=m mongo-userdb=j redis-userdb=n redis-statsdb=o no-tlsv1", ""},
		{"--user-quota -1 - ''", "user-quota=-1", "- ''"},
		{"", "", ""},
	} {
		flags, rest, problems := ParseArgs(strings.Fields(c.args))
		var got []string
		for _, f := range flags {
			s := f.Key
			if !f.Bare {
				s += "=" + f.Value
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " "); s != c.flags || strings.Join(rest, " ") != c.rest || len(problems) > 0 {
			t.Errorf("%s:\n got %s, rest %s, %s\nwant %s, rest %s", c.args, s, rest, lines(problems), c.flags, c.rest)
		}
	}
}

// Mistakes on the command line say what to write.
func TestParseArgsMistakes(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--lisening-port 1", `unknown flag "--lisening-port"; did you mean "--listening-port"?`},
		{"--stale", `unknown flag "--stale": flags cannot be abbreviated; write --stale-nonce`},
		{"--no-tls12", `unknown flag "--no-tls12"; did you mean "--no-tls"?`},
		{"--max-b=5", `unknown flag "--max-b": flags cannot be abbreviated; write --max-bps`},
		{"--xyzzy-plugh", `unknown flag "--xyzzy-plugh"; see --help`},
		{"-y", `unknown flag "-y"; see --help`},
		{"--realm", `--realm has no value; write --realm=REALM`},
		{"--realm --no-tcp", `--realm has no value; write --realm=REALM`},
		{"-c", `-c has no value; write -c FILE`},
		{"-listening-port 80", `-listening-port begins with one dash; write --listening-port`},
		{"--static-auth-secret:hush", `unknown flag "--static-auth-secret..."; write --static-auth-secret=VALUE`},
	} {
		_, _, problems := ParseArgs(strings.Fields(c.args))
		if len(problems) != 1 || problems[0].String() != "command line: "+c.want || !Failed(problems) {
			t.Errorf("%s:\n got %s\nwant command line: %s", c.args, lines(problems), c.want)
		}
	}
}

// Every key of the table is a long flag, and its letter means the same.
func TestEveryKeyIsAFlag(t *testing.T) {
	for _, k := range Keys() {
		if k.Name == "version" {
			continue // prints the version, as in coturn
		}
		args := []string{"--" + k.Name + "=" + sampleOf(&k)}
		if k.Short != "" {
			args = append(args, "-"+k.Short)
			if k.Kind != kindBool {
				args = append(args, sampleOf(&k))
			}
		}
		flags, rest, problems := ParseArgs(args)
		if len(problems)+len(rest) > 0 || flags[0].Key != k.Name || flags[len(flags)-1].Key != k.Name {
			t.Errorf("%s: %v %v %s", k.Name, flags, rest, lines(problems))
		}
	}
}
