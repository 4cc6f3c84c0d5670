package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
)

// realmsName is the file of what the database last said of realms, in the data
// directory: a server that starts while its database is down opens no peer that
// the database denies, and sends no page to another realm.
const realmsName = "realms.json"

// realmsFile remembers the rows of one database.
type realmsFile struct {
	path   string
	of     string // the database, as people name it
	log    *slog.Logger
	now    []byte // what the file holds, if that is known
	failed bool   // to write it, and that was told
}

// keptRealms are the content of the file.
type keptRealms struct {
	Database string `json:"database"`
	realmRows
}

// keep writes the rows down if they are others than before. That it cannot is no
// reason not to use them.
func (f *realmsFile) keep(rows *realmRows) {
	text, err := json.MarshalIndent(keptRealms{f.of, *rows}, "", "  ")
	if err == nil && bytes.Equal(text, f.now) {
		return
	}
	if err == nil {
		err = replace(f.path, text)
	}
	if err == nil {
		f.now = text
	} else if !f.failed {
		f.log.Warn("what the database says of realms cannot be remembered: a start without the database will not know it", "error", err)
	}
	f.failed = err != nil
}

// read returns the rows that were kept of this database, or fs.ErrNotExist where
// none were.
func (f *realmsFile) read() (*realmRows, error) {
	text, err := private(f.path)
	if err != nil {
		return nil, err
	}
	var k keptRealms
	if err := json.Unmarshal(text, &k); err != nil || k.Database == "" {
		return nil, fmt.Errorf("%s is broken: remove it", f.path)
	}
	if k.Database != f.of {
		return nil, fs.ErrNotExist
	}
	return &k.realmRows, nil
}
