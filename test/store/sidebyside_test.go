package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"iceserver/internal/store"
	"iceserver/test/servertest"
)

// noise are the lines of coturn's tool that are no data: where its log is, and
// what it says of its connection.
var noise = regexp.MustCompile(`(?m)^(log file opened: .*|\d+: : .*)\n`)

// salted are hashes of passwords, which are others every time.
var salted = regexp.MustCompile(`\$5\$[0-9a-f]{16}\$[0-9a-f]{64}`)

// outcome is what a run has told a script.
type outcome struct {
	out  string // the data lines
	code int
}

// String can be printed whatever bytes a tool has printed.
func (o outcome) String() string { return fmt.Sprintf("%q with exit code %d", o.out, o.code) }

// admin runs one of the two tools, each of which is called turnadmin.
func admin(t *testing.T, program string, args ...string) outcome {
	t.Helper()
	command := exec.Command(program, args...)
	var out, stderr bytes.Buffer
	command.Stdout, command.Stderr = &out, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	text := out.String()
	if _, rest, ok := strings.Cut(text, "log file opened: "); ok {
		os.Remove(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]))
	}
	text = salted.ReplaceAllString(noise.ReplaceAllString(text, ""), "$$5$$")
	return outcome{text, command.ProcessState.ExitCode()}
}

// tools are coturn's tool and this program by its name.
func tools(t *testing.T) (theirs, ours string) {
	t.Helper()
	theirs, err := exec.LookPath("turnadmin")
	if err != nil {
		t.Fatal("coturn, which has turnadmin, is not installed: make packages")
	}
	ours = filepath.Join(t.TempDir(), "turnadmin")
	if err := os.Symlink(servertest.Binary(t), ours); err != nil {
		t.Fatal(err)
	}
	return theirs, ours
}

// fixedKey is a key that is known, so that what it decrypts is.
const fixedKey = "0123456789abcdef"

// commands are calls on which the two have to agree, in this order. FILE is a new key
// file, FIXED one of fixedKey.
func commands() []string {
	return []string{
		"-l", "-L", "-S", "-I", "-G", // nothing is there
		"-k -u ninefingers -r north.gov -p youhavetoberealistic", "-k -u ninefingers -p pw", "-k -r north.gov -p pw", "-k -u ninefingers -r r",
		"-a -u bob -r one -p builder", "--add --user alice --realm=one --password pw", "-a -u alice -r two -p pw", "-auzoe -rtwo -ppw",
		"-a -u alice -p pw", "-a -r one -p pw", "-a -u alice -r one", "-a -u alice -r one -p changed", "-a -u a:b;c -r two -p p;w",
		"-l", "-l -r one", "-l -r none", "--list --realm two", "-l extra", "-lr one",
		"-d -u alice -r two", "-d -u nobody -r two", "-d -u alice", "-d -r two", "--delete -u zoe -r two", "-l",
		"-A -u boss -p pw", "-A -u clerk -p pw -r one", "-A -u clerk -p pw -r two", "-A -u aide", "-A -p pw", "-L", "--list-admin -r one",
		"-D -u boss", "-D -u nobody", "-D", "-L", "--add-admin --user chief --password x --realm one", "--delete-admin --user chief",
		"-s first -r one", "-s second -r one", "-s first -r one", "--set-secret=third -r two", "-s fourth", "-s", "-S", "-S -r one", "--show-secret --realm=two",
		"-X first -r one", "-X nothing -r one", "-X first", "--delete-secret=third -r two", "-S", "-s fifth -r two", "--delete-all-secrets -r one", "--delete-all-secrets", "-S",
		"-O -o http://Example.COM -r one", "-O -o https://example.com:8443/path -r one", "-O -o HTTPS://Other.example -r two", "-O -o ftp://files.example -r two",
		"-O -o wss://Socket.example -r two", "-O -o http://who@user.example/x?y -r two", "-O -o http://[::1]:80 -r two", "-O -o null -r two", "-O -o Plain.example -r two",
		"-O -o http://zero.example:0 -r two", "-O -o http://far.example:080 -r two", "-O -o moz-extension://abc-DEF -r one", "-O -o file:///x -r one",
		"-O -o https://example.com:8443 -r two", "-O -o x", "-O -r one", "-I", "-I -r one", "-I -r none",
		"-R -o https://OTHER.example", "-R -o none", "-R", "--del-origin -o http://example.com", "--add-origin --origin http://last.example --realm one", "-I",
		"-g -r one --max-bps=64000 --total-quota=100 --user-quota=10", "-g -r two --user-quota 5", "-g -r one --max-bps 5", "-g -r one", "-g --max-bps=5",
		"-G", "-G -r two", "-G -r none", "--set-realm-option -r one --user-quota=11", "-G",
		"-P -p pw", "--generate-encrypted-password -p pw", "-E -f FILE -p secret", "-E -f FILE -p " + strings.Repeat("long", 20), "-f FILE -v zIu+2p0s", "-E -f FILE -v zIu+2p0s",
		"-f FIXED -v zIu+2p0s", "-f FIXED -v C/p3uQ==", "-f FIXED -v avkf", // another key's: with a zero in the middle, at the front; with a line break
		"-E", "-E -f FILE", "-P", "", "-i", "-C", "-Z", "--nothing", "--lis", "-b", "-l -S", "-S -l", "-a -l -r one",
	}
}

// difference is a call to which this program has another answer, on purpose, and
// why: a mistake of coturn's that is not repeated.
type difference struct {
	args, why    string
	theirs, ours outcome
}

// differences are all there are. What coturn answers is compared as well, so
// that the list stays true.
func differences() []difference {
	bad, good := outcome{code: 255}, outcome{}
	return []difference{
		{"-l -b /nowhere/db", "a database that cannot be used is an error", outcome{notOpened, 0}, bad},
		{"--list-origins -r one", "the long form takes no value either", bad, outcome{"file:///x ==>> one\nhttp://last.example:80 ==>> one\nmoz-extension://abc-def ==>> one\n", 0}},
		{"-g -r two --max-bps=x", "what is no number is no limit of 0", good, bad},
		{"-g -r two --max-bps=-5", "a negative limit is none that is huge", good, bad},
		{"-E -f /nowhere/key -p secret", "nothing is encrypted with a key that is not there", outcome{"No such file like /nowhere/key\n", 0}, bad},
		{"-v zIu+2p0s", "nor decrypted", good, bad},
		{"-a -u 王 -r two -p pw", "names are not only Latin-1", bad, good},
		{"-a -u a'b -r two -p pw", "nor without quotes, blanks ...", bad, good},
		{"-s a'b -r two", "no quote becomes a part of a statement", good, good},
	}
}

// notOpened is what coturn says of a database, behind the line that is noise.
const notOpened = "  unable to open database file\n  (If your intention is to use an SQLite database for the TURN server, then\n" +
	"  check and fix, if necessary, the effective permissions of the TURN server\n  process and of the DB directory and then re-start the TURN server)\n"

// undone are the calls that coturn does not do with a database, though it says
// nothing or does not fail, and what has to be called in their place.
func undone() map[store.Kind]map[string][]string {
	moved := map[string][]string{"-O -o https://example.com:8443 -r two": {"-R -o https://example.com:8443", "-O -o https://example.com:8443 -r two"}}
	return map[store.Kind]map[string][]string{
		store.PostgreSQL: moved, store.MySQL: moved,
		store.Redis: {"--delete-all-secrets -r one": {"-X second -r one"}},
	}
}

// pair are two databases that have seen the same commands, one for each tool.
type pair struct {
	kind                   store.Kind
	theirs, ours           string // the tools
	theirsWhere, oursWhere string
	key, fixed             string // key files: a new one, and one of fixedKey
	sorted                 bool   // lines are compared as a set
	dumpTheirs, dumpOurs   func(*testing.T) string
}

// makeKeys writes the two key files.
func (p *pair) makeKeys(t *testing.T) {
	t.Helper()
	if got := admin(t, p.ours, "-E", "-x", p.key); got != (outcome{}) {
		t.Fatal(got)
	}
	if err := os.WriteFile(p.fixed, []byte(fixedKey), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p *pair) run(t *testing.T, tool, where, args string) outcome {
	t.Helper()
	words := strings.Fields(strings.NewReplacer("FILE", p.key, "FIXED", p.fixed).Replace(args))
	if !strings.Contains(args, " -b ") && len(words) > 0 && args != "-b" {
		words = append([]string{"--" + string(p.kind) + "=" + where}, words...)
	}
	got := admin(t, tool, words...)
	if p.sorted {
		lines := strings.SplitAfter(got.out, "\n")
		slices.Sort(lines)
		got.out = strings.Join(lines, "")
	}
	return got
}

// same runs a call with both tools and compares what they say and what they leave
// behind.
func (p *pair) same(t *testing.T, args string) {
	t.Helper()
	want, got := p.run(t, p.theirs, p.theirsWhere, args), p.run(t, p.ours, p.oursWhere, args)
	if got != want {
		t.Errorf("turnadmin %s: %v, and coturn's says %v", args, got, want)
	}
	if want, got := p.dumpTheirs(t), p.dumpOurs(t); got != want {
		t.Fatalf("after turnadmin %s there is\n%s\nand after coturn's\n%s", args, got, want)
	}
}

// apart runs a call that only this program does, and what coturn's tool needs to
// catch up.
func (p *pair) apart(t *testing.T, args string, instead []string) {
	t.Helper()
	p.run(t, p.theirs, p.theirsWhere, args)
	if got := p.run(t, p.ours, p.oursWhere, args); got != (outcome{}) {
		t.Errorf("turnadmin %s: %v", args, got)
	}
	if p.dumpTheirs(t) == p.dumpOurs(t) {
		t.Errorf("coturn's turnadmin %s does it by now: mend the list", args)
	}
	for _, args := range instead {
		p.run(t, p.theirs, p.theirsWhere, args)
	}
	if want, got := p.dumpTheirs(t), p.dumpOurs(t); got != want {
		t.Fatalf("after turnadmin %s there is\n%s\nand with coturn's\n%s", args, got, want)
	}
}

// crossed reads with each tool what the other one has written.
func (p *pair) crossed(t *testing.T) {
	t.Helper()
	for _, args := range []string{"-l", "-L", "-S", "-I", "-G"} {
		mine, other := p.run(t, p.ours, p.oursWhere, args), p.run(t, p.theirs, p.oursWhere, args)
		if mine != other || mine.out == "" {
			t.Errorf("turnadmin %s of our database: %v, and coturn's says %v", args, mine, other)
		}
		mine, other = p.run(t, p.ours, p.theirsWhere, args), p.run(t, p.theirs, p.theirsWhere, args)
		if mine != other || mine.out == "" {
			t.Errorf("turnadmin %s of coturn's database: %v, and coturn's says %v", args, mine, other)
		}
	}
}

// Every command and flag of coturn's tool on two copies of one SQLite file: the same
// lines, exit codes and rows, but for what is listed.
func TestTurnadminSideBySide(t *testing.T) {
	dir := t.TempDir()
	p := &pair{kind: store.SQLite, key: filepath.Join(dir, "key"), fixed: filepath.Join(dir, "fixed")}
	p.theirs, p.ours = tools(t)
	p.theirsWhere, p.oursWhere = filepath.Join(dir, "theirs"), filepath.Join(dir, "ours")
	p.dumpTheirs = func(t *testing.T) string { return sqliteRows(t, p.theirsWhere) }
	p.dumpOurs = func(t *testing.T) string { return sqliteRows(t, p.oursWhere) }
	copyOfEmpty(t, p.theirsWhere, p.oursWhere)
	p.makeKeys(t)
	for _, args := range commands() {
		p.same(t, args)
	}
	p.crossed(t)
	for _, d := range differences() {
		if got := p.run(t, p.theirs, p.theirsWhere, d.args); got.code != d.theirs.code || !strings.HasPrefix(got.out, d.theirs.out) {
			t.Errorf("coturn's turnadmin %s: %v; mend the list", d.args, got)
		}
		if got := p.run(t, p.ours, p.oursWhere, d.args); got != d.ours {
			t.Errorf("turnadmin %s: %v, and %s", d.args, got, d.why)
		}
	}
	zeroRemoves(t, p)
}

// The same commands on the other databases, where the order of rows is the
// database's own. Debian's coturn is built without MongoDB.
func TestTurnadminElsewhere(t *testing.T) {
	for name, e := range engines() {
		if e.turnadmin == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p := &pair{kind: e.kind, key: filepath.Join(dir, "key"), fixed: filepath.Join(dir, "fixed"), sorted: true}
			p.theirs, p.ours = tools(t)
			p.theirsWhere, p.dumpTheirs = freshRows(t, e)
			p.oursWhere, p.dumpOurs = freshRows(t, e)
			p.makeKeys(t)
			for _, args := range commands() {
				if instead := undone()[e.kind][args]; instead != nil {
					p.apart(t, args, instead)
				} else {
					p.same(t, args)
				}
			}
			p.same(t, "-g -r one --max-bps=0")
			p.crossed(t)
			plainWords(t, p)
		})
	}
}

// plainWords are the commands beside turnadmin on the same database: what they write
// is what coturn's tool reads.
func plainWords(t *testing.T, p *pair) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(file, []byte(`[{"name":"imported","password":"x"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{
		"user add plain -p x", "user import " + file, "secret add north", "realm set user-quota 3", "realm allow 192.0.2.0/24", "origin add https://plain.example",
		"admin add plain -p x --realm plain", "oauth-key add plain", "realm list", "oauth-key show plain", "user export",
	} {
		args := append(strings.Fields(words), "--realm=plain", "--data-dir="+t.TempDir(), "--"+string(p.kind)+"="+p.oursWhere)
		if got := admin(t, servertest.Binary(t), args...); got.code != 0 || got.out == "" || strings.Contains(got.out, password) {
			t.Errorf("iceserver %s: %v", words, got)
		}
	}
	limit := "user-quota[plain]=3\n"
	if p.kind == store.Redis {
		limit = "plain/user-quota = 3\n"
	}
	for args, want := range map[string]string{
		"-l -r plain": "imported[plain]\nplain[plain]\n", "-S -r plain": "north[plain]\n", "-G -r plain": limit, "-I -r plain": "https://plain.example:443 ==>> plain\n",
	} {
		if got := p.run(t, p.theirs, p.oursWhere, args); got.out != want {
			t.Errorf("coturn's turnadmin %s: %v, want %q", args, got, want)
		}
	}
}

// freshRows makes an empty database with coturn's tables, and tells how to read all
// that is in it.
func freshRows(t *testing.T, e *engine) (where string, rows func(*testing.T) string) {
	t.Helper()
	where = e.fresh(t)(e.server.port)
	db := e.open(t, where)
	if _, err := db.Users(t.Context(), ""); err != nil { // makes the tables
		t.Fatal(err)
	}
	return where, func(t *testing.T) string { return storedRows(t, db) }
}

// storedRows are all that a database tells of what turnadmin writes.
func storedRows(t *testing.T, db store.Database) string {
	t.Helper()
	ctx := t.Context()
	users, err1 := db.Users(ctx, "")
	one, err2 := db.Secrets(ctx, "one")
	two, err3 := db.Secrets(ctx, "two")
	origins, err4 := db.Origins(ctx)
	limits, err5 := db.RealmOptions(ctx, "")
	admins, err6 := db.Admins(ctx)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		t.Fatal(err)
	}
	return salted.ReplaceAllString(fmt.Sprint(users, one, two, origins, limits, admins), "$$5$$")
}

// A limit of 0 removes a limit, as coturn says and does not do with SQLite.
func zeroRemoves(t *testing.T, p *pair) {
	t.Helper()
	for _, tool := range []struct{ name, where, left string }{
		{p.theirs, p.theirsWhere, "max-bps[one]=5\ntotal-quota[one]=100\nuser-quota[one]=11\n"}, {p.ours, p.oursWhere, "total-quota[one]=100\nuser-quota[one]=11\n"},
	} {
		if got := p.run(t, tool.name, tool.where, "-g -r one --max-bps=0"); got != (outcome{}) {
			t.Errorf("%s: %v", tool.name, got)
		}
		if got := p.run(t, tool.name, tool.where, "-G -r one"); got.out != tool.left {
			t.Errorf("%s: %v", tool.name, got)
		}
	}
}

// copyOfEmpty makes two copies of a database with coturn's tables.
func copyOfEmpty(t *testing.T, paths ...string) {
	t.Helper()
	first := filepath.Join(t.TempDir(), "empty")
	db, err := store.OpenSQLite(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(first)
	for _, path := range paths {
		err = errors.Join(err, os.WriteFile(path, text, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sqliteRows are all rows of a file, byte for byte but for salts.
func sqliteRows(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all []string
	for _, table := range []string{"turnusers_lt", "turn_secret", "allowed_peer_ip", "denied_peer_ip", "turn_origin_to_realm", "turn_realm_option", "oauth_key", "admin_user"} {
		rows, err := db.Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		for err == nil && rows.Next() {
			values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
			for i := range into {
				into[i] = &values[i]
			}
			err = rows.Scan(into...)
			all = append(all, fmt.Sprint(table, values))
		}
		if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(all)
	return salted.ReplaceAllString(strings.Join(all, "\n"), "$$5$$")
}
