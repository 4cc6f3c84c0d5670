package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"iceserver/internal/server"
)

// userEntry is a user in a file of users: with a password or a key, not both.
type userEntry struct {
	Name     string `json:"name"`
	Realm    string `json:"realm,omitempty"`
	Password string `json:"password,omitempty"`
	Key      string `json:"key,omitempty"`

	line int // where it begins
}

// lineError is a mistake in a line of a file.
type lineError struct {
	line int
	error
}

// userFormat is the format of a file of users: what is asked for, or else what
// the name says.
func userFormat(format, path string) (string, error) {
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), ".")
	}
	switch format {
	case "csv", "json":
		return format, nil
	case "":
		return "", usage{errors.New("the name of the file does not tell its format: add --format csv or --format json")}
	}
	return "", usage{fmt.Errorf("%q is no format of users: there are csv and json", format)}
}

// userColumns are the columns of CSV, of which the first one must be there.
func userColumns() []string { return []string{"name", "realm", "password", "key"} }

// readUsers reads users and all that is wrong with the way they are written. The
// mark that Windows writes before UTF-8 is no part of them.
func readUsers(text []byte, format string) ([]userEntry, []lineError) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if format == "json" {
		return readJSONUsers(text)
	}
	return readCSVUsers(text)
}

// readCSVUsers reads a line of titles, in any order, and a line for each user.
// Fields may be quoted, and then have line breaks in them.
func readCSVUsers(text []byte) (list []userEntry, wrong []lineError) {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma = separator(text)
	titles, err := r.Read()
	if err != nil {
		return nil, []lineError{{1, errors.New("the line of titles is missing, as name,realm,password")}}
	}
	for i, title := range titles {
		titles[i] = strings.ToLower(strings.TrimSpace(title))
		if !slices.Contains(userColumns(), titles[i]) || slices.Index(titles, titles[i]) != i {
			return nil, []lineError{{1, fmt.Errorf("the title %q is unknown or comes twice: there are %s", title, strings.Join(userColumns(), ", "))}}
		}
	}
	if !slices.Contains(titles, "name") {
		return nil, []lineError{{1, errors.New("none of the titles is name")}}
	}
	for {
		fields, err := r.Read()
		if errors.Is(err, io.EOF) {
			return list, wrong
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			wrong = append(wrong, lineError{bad.Line, bad.Err}) // not the field, which may be a password
			if !errors.Is(bad.Err, csv.ErrFieldCount) {
				return list, wrong
			}
			continue
		}
		line, _ := r.FieldPos(0)
		e := userEntry{line: line}
		for i, title := range titles {
			*e.field(title) = fields[i]
		}
		list = append(list, e)
	}
}

// separator is what parts the fields: spreadsheets write semicolons in countries that
// have the comma in numbers, and tabs when one copies from them. No title has any of
// these in it.
func separator(text []byte) rune {
	titles, _, _ := bytes.Cut(text, []byte("\n"))
	for _, mark := range ",;\t" {
		if bytes.ContainsRune(titles, mark) {
			return mark
		}
	}
	return ','
}

// field is the part of an entry that a column is about.
func (e *userEntry) field(column string) *string {
	switch column {
	case "realm":
		return &e.Realm
	case "password":
		return &e.Password
	case "key":
		return &e.Key
	}
	return &e.Name
}

// readJSONUsers reads an array of objects.
func readJSONUsers(text []byte) (list []userEntry, wrong []lineError) {
	d := json.NewDecoder(bytes.NewReader(text))
	line := func() int { return 1 + bytes.Count(text[:d.InputOffset()], []byte("\n")) }
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, []lineError{{line(), errors.New("that is no JSON array of objects with name, realm, and password or key")}}
	}
	for d.More() {
		rest := text[d.InputOffset():]
		blank := len(rest) - len(bytes.TrimLeft(rest, ", \t\r\n"))
		e := userEntry{line: line() + bytes.Count(rest[:blank], []byte("\n"))}
		if err := decodeEntry(d, &e); err != nil {
			wrong = append(wrong, lineError{e.line, jsonMistake(err)})
			if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
				return list, wrong
			}
			continue
		}
		list = append(list, e)
	}
	if _, err := d.Token(); err != nil {
		wrong = append(wrong, lineError{line(), errors.New("the array does not end")})
	} else if _, err := d.Token(); !errors.Is(err, io.EOF) {
		wrong = append(wrong, lineError{line(), errors.New("something stands behind the array")})
	}
	return list, wrong
}

// decodeEntry reads the next object of d.
func decodeEntry(d *json.Decoder, e *userEntry) error {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		return err
	}
	strict := json.NewDecoder(bytes.NewReader(raw))
	strict.DisallowUnknownFields()
	if err := strict.Decode(e); err != nil {
		return err
	}
	return onlyOnce(raw)
}

// onlyOnce refuses an object that has a name twice, of which the last would count.
// Case makes no other name of it, as when it is read. The values are all text.
func onlyOnce(object json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(object))
	_, _ = d.Token() // it was read before, so there is no error
	var names []string
	for d.More() {
		name, _ := d.Token()
		_, _ = d.Token()
		names = append(names, strings.ToLower(fmt.Sprint(name)))
		if n := names[len(names)-1]; slices.Index(names, n) != len(names)-1 {
			return fmt.Errorf("%s stands there twice", n)
		}
	}
	return nil
}

// jsonMistake says what is wrong without the value, which may be a password.
func jsonMistake(err error) error {
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		what, has := "an entry has to be an object", strings.Fields(wrong.Value)[0]
		if wrong.Field != "" {
			what = wrong.Field + " has to be text"
		}
		return fmt.Errorf("%s, and is a %s", what, has)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// account is the entry with a key.
func (e userEntry) account(realm string) (server.Account, error) {
	a := server.Account{Name: e.Name, Realm: e.Realm, Key: e.Key}
	if a.Realm == "" {
		a.Realm = realm
	}
	switch {
	case e.Name == "":
		return a, errors.New("the user has no name")
	case e.Password != "" && e.Key != "":
		return a, errors.New("there is a password and a key: leave one out")
	case e.Key != "":
		return a, nil
	case e.Password == "":
		return a, errors.New("there is neither a password nor a key")
	}
	return a.WithPassword(e.Password)
}
