package server

import (
	"fmt"
	"io"
	"os"
)

// plainFile reads a file that a key names, no more than its first most bytes. What
// blocks when it is opened, as a pipe does, or has no end is no file.
func plainFile(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}
