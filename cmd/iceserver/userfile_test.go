package main

import (
	"fmt"
	"strings"
	"testing"
)

// Users are read from both formats, and every mistake is told with the line in which
// it stands and without a password.
func TestReadUsers(t *testing.T) {
	const canary = "CANARY"
	tests := []struct {
		name, format, text string
		users              string // name/realm/password/key@line
		wrong              string // line: what
	}{
		{"csv", "csv", "name,realm,password,key\na,r,pw,\nb,,,0x1\n", "[a/r/pw/@2 b///0x1@3]", ""},
		{"titles in another order", "csv", "\ufeffPassword, Name\n\"a\nb\",x\nc,y\n", "[x//a\nb/@2 y//c/@4]", ""},
		{"semicolons", "csv", "name;realm;password\na,b;r;\"p;w\"\n", "[a,b/r/p;w/@2]", ""},
		{"tabs", "csv", "\ufeffname\tpassword\r\na\tp,w;\r\n", "[a//p,w;/@2]", ""},
		{"blank lines", "csv", "name,key\n\n\na,k\r\n", "[a///k@4]", ""},
		{"empty", "csv", "", "[]", "1: the line of titles"},
		{"unknown title", "csv", "name,secret\na,b\n", "[]", `1: the title "secret"`},
		{"title twice", "csv", "name,name\na,b\n", "[]", "1: the title"},
		{"no name", "csv", "key,realm\na,b\n", "[]", "1: none of the titles"},
		{"too few fields", "csv", "name,password\na\nb,CANARY,c\nd,e\n", "[d//e/@4]", "2: wrong number; 3: wrong number"},
		{"bare quote", "csv", "name,password\na,x\"CANARY\nb,c\n", "[]", "2: bare"},
		{"json", "json", "[\n{\"name\":\"a\",\n\"password\":\"p\"},\n\n {\"name\":\"b\",\"realm\":\"r\",\"key\":\"k\"}]\n", "[a//p/@2 b/r//k@5]", ""},
		{"json of Windows", "json", "\ufeff[\r\n{\"name\":\"a\",\"key\":\"k\"}]\r\n", "[a///k@2]", ""},
		{"json none", "json", " [ ] ", "[]", ""},
		{"no array", "json", "{\"name\":\"a\"}", "[]", "1: that is no JSON array"},
		{"unknown field", "json", "[{\"name\":\"a\"},\n{\"nam\":\"CANARY\"}]", "[a///@1]", `2: unknown field "nam"`},
		{"twice", "json", "[{\"name\":\"a\",\"key\":\"k\"},\n{\"name\":\"CANARY\",\"Name\":\"b\",\"key\":\"k\"},\n{\"key\":\"CANARY\",\"name\":\"a\",\"key\":\"k\"}]", "[a///k@1]", "2: name stands there twice; 3: key stands"},
		{"null", "json", "[null,{\"name\":null}]", "[///@1 ///@1]", ""},
		{"wrong kind", "json", "[\n{\"name\":\"a\",\"password\":5},{\"name\":\"b\"}]", "[b///@2]", "2: password has to be text, and is a number"},
		{"wrong entry", "json", "[\n\"CANARY\"]", "[]", "2: an entry has to be an object, and is a string"},
		{"cut off", "json", "[{\"name\":\"a\"},\n{\"name\":\"CANARY", "[a///@1]", "2: unexpected"},
		{"not ended", "json", "[{\"name\":\"a\"}\n", "[a///@1]", "1: the array does not end"},
		{"more", "json", "[]\n[]", "[]", "2: something stands behind"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, wrong := readUsers([]byte(tt.text), tt.format)
			users, told := []string{}, []string{}
			for _, e := range list {
				users = append(users, fmt.Sprintf("%s/%s/%s/%s@%d", e.Name, e.Realm, e.Password, e.Key, e.line))
			}
			for _, w := range wrong {
				told = append(told, fmt.Sprintf("%d: %v", w.line, w.error))
			}
			if got := fmt.Sprint(users); got != tt.users {
				t.Errorf("users %s, want %s", got, tt.users)
			}
			want := strings.Split(tt.wrong, "; ")
			if tt.wrong == "" {
				want = nil
			}
			if len(told) != len(want) {
				t.Fatalf("told %q, want %q", told, want)
			}
			for i := range told {
				if !strings.HasPrefix(told[i], want[i]) || strings.Contains(told[i], canary) {
					t.Errorf("told %q, want %q", told[i], want[i])
				}
			}
		})
	}
}

// A user has a name, and a password or a key.
func TestEntryAccount(t *testing.T) {
	const key = "0xbc807ee29df3c9ffa736523fb2c4e8ee"
	tests := []struct {
		entry     userEntry
		key, fail string
	}{
		{userEntry{Name: "ninefingers", Realm: "north.gov", Password: "youhavetoberealistic"}, key, ""},
		{userEntry{Name: "ninefingers", Password: "youhavetoberealistic"}, key, ""},
		{userEntry{Name: "x", Key: key}, key, ""},
		{userEntry{Password: "x"}, "", "no name"},
		{userEntry{Name: "x"}, "", "neither"},
		{userEntry{Name: "x", Password: "x", Key: key}, "", "leave one out"},
		{userEntry{Name: "x\n", Password: "x"}, "", "control character"},
		{userEntry{Name: "x", Password: "CANARY\x00x"}, "", "the password"},
	}
	for _, tt := range tests {
		a, err := tt.entry.account("north.gov")
		if (err != nil) != (tt.fail != "") || err != nil && (!strings.Contains(err.Error(), tt.fail) || strings.Contains(err.Error(), "CANARY")) {
			t.Errorf("%+v: error %v", tt.entry, err)
		}
		if err == nil && (a.Key != tt.key || a.Realm != "north.gov") {
			t.Errorf("%+v: %+v", tt.entry, a)
		}
	}
	// With a password the name is the one that is looked up first; with a key it is
	// the one that the key was made of.
	if a, err := (userEntry{Name: "e\u0301", Password: "x"}).account("r"); err != nil || a.Name != "\u00e9" {
		t.Errorf("%+q, error %v", a.Name, err)
	}
	if a, err := (userEntry{Name: "e\u0301", Key: key}).account("r"); err != nil || a.Name != "e\u0301" {
		t.Errorf("%+q, error %v", a.Name, err)
	}
}
