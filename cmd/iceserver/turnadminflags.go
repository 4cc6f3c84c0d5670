package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"iceserver/internal/config"
)

// turnadminCommands are the commands of coturn's tool, in the order of its help;
// turnadminOptions is what they take.
func turnadminCommands() []getoptFlag {
	return []getoptFlag{
		{names: []string{"key"}, short: 'k', doc: "print the key of a user: -u -r -p"},
		{names: []string{"add"}, short: 'a', doc: "add a user or change the password: -u -r -p"},
		{names: []string{"delete"}, short: 'd', doc: "delete a user: -u -r"},
		{names: []string{"list"}, short: 'l', doc: "list users: [-r]"},
		{names: []string{"add-admin"}, short: 'A', doc: "add or change an administrator of the web interface: -u -p [-r]"},
		{names: []string{"delete-admin"}, short: 'D', doc: "delete an administrator: -u"},
		{names: []string{"list-admin"}, short: 'L', doc: "list administrators"},
		{names: []string{"set-secret"}, short: 's', value: "SECRET", doc: "add a shared secret: -r"},
		{names: []string{"show-secret"}, short: 'S', doc: "list shared secrets: [-r]"},
		{names: []string{"delete-secret"}, short: 'X', value: "SECRET", doc: "delete a shared secret: -r"},
		{names: []string{"delete-all-secrets"}, doc: "delete all shared secrets of a realm: -r"},
		{names: []string{"add-origin"}, short: 'O', doc: "give an origin to a realm: -o -r"},
		{names: []string{"del-origin"}, short: 'R', doc: "delete an origin: -o"},
		{names: []string{"list-origins"}, short: 'I', ignored: true, doc: "list origins: [-r]"},
		{names: []string{"set-realm-option"}, short: 'g', doc: "set limits of a realm: -r and any of --max-bps, --total-quota, --user-quota"},
		{names: []string{"list-realm-options", "list-realm-option"}, short: 'G', doc: "list limits of realms: [-r]"},
		{names: []string{"generate-encrypted-password"}, short: 'P', doc: "print a password as administrators' are kept: -p"},
		{names: []string{"generate-encrypted-password-aes"}, short: 'E', doc: "make a key file: -x; or print a password encrypted with one: -f -p; or decrypted: -f -v"},
		{names: []string{"help"}, short: 'h', doc: "print this"},
	}
}

func turnadminOptions() []getoptFlag {
	return []getoptFlag{
		{names: []string{"userdb", "db"}, short: 'b', value: "FILE", doc: "SQLite database; without one " + strings.Join(coturnDatabases(), ", ") + ", whichever is there"},
		{names: []string{"psql-userdb", "sql-userdb"}, short: 'e', value: "STRING", doc: "connection string of a PostgreSQL database"},
		{names: []string{"mysql-userdb"}, short: 'M', value: "STRING", doc: "connection string of a MySQL or MariaDB database"},
		{names: []string{"mongo-userdb"}, short: 'J', value: "STRING", doc: "connection string of a MongoDB database"},
		{names: []string{"redis-userdb"}, short: 'N', value: "STRING", doc: "connection string of a Redis database"},
		{names: []string{"user"}, short: 'u', value: "NAME", doc: "user or administrator"},
		{names: []string{"realm"}, short: 'r', value: "REALM", doc: "realm"},
		{names: []string{"password"}, short: 'p', value: "PASSWORD", doc: "password"},
		{names: []string{"origin"}, short: 'o', value: "ORIGIN", doc: "origin of pages, as https://example.org"},
		{names: []string{"max-bps"}, value: "N", doc: "bytes a second of an allocation; 0 removes the limit"},
		{names: []string{"total-quota"}, value: "N", doc: "allocations of the realm at a time; 0 removes the limit"},
		{names: []string{"user-quota"}, value: "N", doc: "allocations of a user at a time; 0 removes the limit"},
		{names: []string{"key-path"}, short: 'x', value: "FILE", doc: "where to write a key of 128 bits"},
		{names: []string{"file-key-path"}, short: 'f', value: "FILE", doc: "a key of 128 bits"},
		{names: []string{"verify"}, short: 'v', value: "BASE64", doc: "an encrypted password to decrypt"},
	}
}

// turnadminUsage is the help.
func turnadminUsage() string {
	var b strings.Builder
	b.WriteString("Usage: turnadmin COMMAND [OPTION ...]\n\nCommands, and the options that each takes:\n\n")
	writeFlags(&b, turnadminCommands())
	b.WriteString("\nOptions:\n\n")
	writeFlags(&b, turnadminOptions())
	return b.String()
}

func writeFlags(b *strings.Builder, flags []getoptFlag) {
	for _, f := range flags {
		short := "   "
		if f.short != 0 {
			short = "-" + string(f.short) + ","
		}
		long := "--" + strings.Join(f.names, ", --")
		if f.value != "" {
			long += " " + f.value
		}
		fmt.Fprintf(b, "  %s %s\n        %s\n", short, long, f.doc)
	}
}

// turnadminCall is how coturn's tool was called.
type turnadminCall struct {
	command string // the first long name of one of the commands
	secret  string // the value of a command that takes one
	options map[string]string
}

// errHelp is what a call for help ends with: in coturn's tool too it counts from
// where it stands, so that mistakes behind it do not.
var errHelp = errors.New("help")

// parseTurnadmin reads a command line. The last command counts, as in coturn,
// but for -P, which counts before all others.
func parseTurnadmin(args []string) (*turnadminCall, error) {
	c := &turnadminCall{options: map[string]string{}}
	commands := map[string]bool{}
	for _, f := range turnadminCommands() {
		commands[f.names[0]] = true
	}
	calls, rest, err := getopt(append(turnadminCommands(), turnadminOptions()...), args)
	for _, given := range calls {
		switch {
		case given.name == "help":
			return nil, errHelp
		case !commands[given.name]:
			c.options[given.name] = given.value
		case c.command != "generate-encrypted-password":
			c.command, c.secret = given.name, given.value
		}
	}
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("unexpected argument %q", rest[0])
	}
	// The key file alone is command enough.
	if c.command == "" && (c.options["verify"] != "" || c.options["key-path"] != "") {
		c.command = "generate-encrypted-password-aes"
	}
	if err == nil && c.command == "" {
		err = errors.New("a command is missing")
	}
	return c, err
}

// need returns the error for the first option that is missing or empty.
func (c *turnadminCall) need(options ...string) error {
	for _, o := range options {
		if c.options[o] == "" {
			return fmt.Errorf("The operation cannot be completed: the %s must be set.", o) //nolint:staticcheck // coturn's words, which scripts look for
		}
	}
	return nil
}

// limits are the options of a realm that were given, 0 for one to remove.
func (c *turnadminCall) limits() (map[string]int64, error) {
	limits := map[string]int64{}
	for _, name := range []string{"max-bps", "total-quota", "user-quota"} {
		text, given := c.options[name]
		if !given {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("--%s: %q is no number of at least 0", name, text)
		}
		limits[name] = n
	}
	if len(limits) == 0 {
		return nil, errors.New("The operation cannot be completed: a realm option must be set.") //nolint:staticcheck // coturn's words, which scripts look for
	}
	return limits, nil
}

// config names the database, and the realm to add to.
func (c *turnadminCall) config() *config.Config {
	cfg := &config.Config{
		Realm:      c.options["realm"],
		PostgreSQL: config.Secret(c.options["psql-userdb"]), MySQL: config.Secret(c.options["mysql-userdb"]),
		MongoDB: config.Secret(c.options["mongo-userdb"]), Redis: config.Secret(c.options["redis-userdb"]),
	}
	if cfg.PostgreSQL == "" && cfg.MySQL == "" && cfg.MongoDB == "" && cfg.Redis == "" {
		cfg.Database = coturnDatabase(c.options["userdb"])
	}
	return cfg
}
