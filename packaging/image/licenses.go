package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

var errNoLicenses = errors.New("there are no licences in it")

// licensesDir is where images are looked at for licences.
const licensesDir = "licenses/"

// readLicenses reads what goes into the image beside the program: its licence, and
// the notices of those whose work it holds, which ask for that.
func readLicenses(dir string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s: %w", dir, errNoLicenses)
	}
	files := []file{{path: licensesDir, mode: 0o755}}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, file{path: licensesDir + e.Name(), mode: 0o644, content: content})
	}
	return files, nil
}
