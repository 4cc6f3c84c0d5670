package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
)

var errDynamic = errors.New("it needs a dynamic linker, which the image has not: build it with CGO_ENABLED=0")

// machine is what a binary for an architecture says of itself.
func machine(arch string) (elf.Machine, error) {
	switch arch {
	case "amd64":
		return elf.EM_X86_64, nil
	case "arm64":
		return elf.EM_AARCH64, nil
	default:
		return 0, fmt.Errorf("the architecture %q is not known: amd64 and arm64 are", arch)
	}
}

// readBinary reads a program that can run in an image with nothing else in it.
func readBinary(arch, path string) ([]byte, error) {
	want, err := machine(arch)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	program, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s is no program for Linux: %w", path, err)
	}
	if program.Machine != want {
		return nil, fmt.Errorf("%s is for %v", path, program.Machine)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return nil, fmt.Errorf("%s: %w", path, errDynamic)
		}
	}
	return content, nil
}
