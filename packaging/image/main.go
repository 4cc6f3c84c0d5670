// Command image builds the container image of iceserver from its static binaries:
// no base image, no Docker, no root. `make image` calls it.
//
// Knows: what lies where in the image. Does not know: how the binaries were
// built. It has a go.mod of its own, since the server needs none of what this does.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// build is what the image is made of.
type build struct {
	binaries map[string]string // path of the program for each architecture
	version  string
	revision string    // the commit
	created  time.Time // of the commit, so that building again gives the same digests
	licenses string    // directory with the licences of what is in the program
	layout   string    // directory to write
	archive  string    // where the archives begin; -ARCH.tar follows
}

func main() {
	b, err := arguments(os.Args[1:])
	if err == nil {
		err = b.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// arguments reads the command line.
func arguments(args []string) (*build, error) {
	b := &build{binaries: map[string]string{}}
	flags := flag.NewFlagSet("image", flag.ExitOnError)
	flags.Func("binary", "ARCH=`PATH` of a static binary for linux; may be repeated", func(s string) error {
		arch, path, ok := strings.Cut(s, "=")
		if !ok || arch == "" || path == "" {
			return errors.New("write ARCH=PATH")
		}
		b.binaries[arch] = path
		return nil
	})
	flags.StringVar(&b.version, "version", "devel", "version, which is the tag too")
	flags.StringVar(&b.revision, "revision", "unknown", "commit")
	seconds := flags.Int64("created", 0, "time of the commit in seconds since 1970")
	flags.StringVar(&b.licenses, "licenses", "", "`directory` with the licences of what is in the program, as packaging/scripts/notices writes it")
	flags.StringVar(&b.layout, "layout", "", "OCI layout to write, a `directory`; one that is there is replaced")
	flags.StringVar(&b.archive, "archive", "", "`prefix` of archives for docker load and podman load; -ARCH.tar follows")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	b.created = time.Unix(*seconds, 0).UTC()
	if flags.NArg() > 0 || len(b.binaries) == 0 || b.layout == "" || b.licenses == "" {
		return nil, errors.New("-binary, -licenses and -layout are needed, and no other words")
	}
	return b, nil
}

// run builds and writes, and says what it wrote.
func (b *build) run() error {
	var images []platformImage
	base, err := baseLayer()
	if err != nil {
		return fmt.Errorf("the base: %w", err)
	}
	for _, arch := range b.architectures() {
		i, err := b.image(arch, base)
		if err != nil {
			return fmt.Errorf("the image for %s: %w", arch, err)
		}
		images = append(images, platformImage{arch, i})
	}
	digest, err := b.writeLayout(images)
	if err != nil {
		return fmt.Errorf("writing %s: %w", b.layout, err)
	}
	fmt.Printf("%s  %s  %s\n", b.layout, strings.Join(b.architectures(), ","), digest)
	if b.archive == "" {
		return nil
	}
	for _, i := range images {
		path := b.archive + "-" + i.arch + ".tar"
		if err := b.writeArchive(path, i); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		fmt.Println(path)
	}
	return nil
}

// architectures are sorted, so that the index has one order.
func (b *build) architectures() []string {
	var all []string
	for arch := range b.binaries {
		all = append(all, arch)
	}
	slices.Sort(all)
	return all
}
