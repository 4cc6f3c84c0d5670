package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// quoted is text in a statement, and named a word of it that names a table or a
// column: those have no capitals.
var (
	quoted = regexp.MustCompile(`'[^']*'`)
	named  = regexp.MustCompile(`\b[a-z_][a-z0-9_]*\b`)
)

// own are the words of SQL itself that stand there without capitals, as in
// coturn's schema.
func own() []string {
	return []string{"varchar", "varbinary", "char", "bigint", "integer", "default"}
}

// taken returns the names in a statement that MySQL has reserved.
func taken(statement string, reserved []string) []string {
	var found []string
	for _, word := range named.FindAllString(quoted.ReplaceAllString(statement, ""), -1) {
		if slices.Contains(reserved, word) && !slices.Contains(own(), word) {
			found = append(found, word)
		}
	}
	return found
}

// reservedWords are those of MySQL from 8.0 to 8.4, which has more than MySQL 5.6
// and MariaDB, on which the statements run in test/store.
func reservedWords(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/mysql-reserved.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// No statement needs quotes around a name, in no version of MySQL.
func TestNoReservedNames(t *testing.T) {
	reserved, seen := reservedWords(t), 0
	for _, path := range []string{"schema.go", "mysql.go", "sqlusage.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && strings.HasPrefix(text.Value, "`") {
				seen++
				if found := taken(text.Value, reserved); found != nil {
					t.Errorf("%s: %s has the reserved names %q", path, text.Value, found)
				}
			}
			return true
		})
	}
	if seen < 50 {
		t.Errorf("%d statements were found: the test looks in the wrong place", seen)
	}
}

// The guard sees what it is there for.
func TestNoReservedNamesFails(t *testing.T) {
	got := taken("SELECT rank, name, 'lead' FROM system WHERE value = ?", reservedWords(t))
	if !slices.Equal(got, []string{"rank", "system"}) {
		t.Errorf("found %q", got)
	}
}
