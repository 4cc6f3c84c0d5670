package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// writeLayout writes one index with the image of every architecture, and returns
// its digest. The layout has it as its only entry, since the tools that copy a
// layout to a registry ask which one is meant otherwise.
func (b *build) writeLayout(images []platformImage) (v1.Hash, error) {
	if err := removeLayout(b.layout); err != nil {
		return v1.Hash{}, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, i := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: i.Image, Descriptor: v1.Descriptor{Platform: i.platform()}})
	}
	index, ok := mutate.Annotations(index, b.labels()).(v1.ImageIndex)
	if !ok {
		return v1.Hash{}, errors.New("an index with annotations is none")
	}
	at, err := layout.Write(b.layout, empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := at.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": b.version})); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}

// removeLayout makes place for a layout, and removes nothing else.
func removeLayout(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
		return fmt.Errorf("there is something else than an image in it: name another directory (%w)", err)
	}
	return os.RemoveAll(dir)
}

// writeArchive writes the image of one architecture for docker load, which takes
// no index.
func (b *build) writeArchive(path string, i platformImage) error {
	images := map[name.Tag]v1.Image{}
	for _, tag := range []string{b.version, "latest"} {
		// Without a registry in its name the image is a local one.
		t, err := name.NewTag("iceserver:"+tag, name.WithDefaultRegistry(""))
		if err != nil {
			return err
		}
		images[t] = i.Image
	}
	return tarball.MultiWriteToFile(path, images)
}
