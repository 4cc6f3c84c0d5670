package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is who the program runs as: the number that images without root have
// agreed upon, so that policies for clusters know it.
const user = 65532

const (
	programPath = "/usr/bin/iceserver"
	dataDir     = "/var/lib/iceserver"
)

// file is an entry of a layer. Whatever is not named in it is the same for all:
// the owner is root, and the time that of the layer.
type file struct {
	path    string // relative; a directory ends with a slash
	mode    int64
	owner   int
	link    string // of a symbolic link
	content []byte
}

// baseLayer is what no version changes, so that pulling a new one does not fetch
// it again: directories, the user, and the authorities.
func baseLayer() (v1.Layer, error) {
	roots, err := authorities()
	if err != nil {
		return nil, err
	}
	return layer(time.Unix(0, 0), []file{
		{path: "etc/", mode: 0o755},
		{path: "etc/group", mode: 0o644, content: []byte("root:x:0:\niceserver:x:65532:\n")},
		{path: "etc/passwd", mode: 0o644, content: []byte("root:x:0:0:root:/:/sbin/nologin\niceserver:x:65532:65532:iceserver:" + dataDir + ":/sbin/nologin\n")},
		{path: "etc/ssl/", mode: 0o755},
		{path: "etc/ssl/certs/", mode: 0o755},
		{path: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: roots},
		{path: "usr/", mode: 0o755},
		{path: "usr/bin/", mode: 0o755},
		{path: "var/", mode: 0o755},
		{path: "var/lib/", mode: 0o755},
		// An empty volume takes mode and owner from here.
		{path: dataDir[1:] + "/", mode: 0o700, owner: user},
	})
}

// programLayer is the program, under coturn's names too: scripts call those
// inside the container. The licences of what is in it go with it.
func programLayer(created time.Time, program []byte, licenses []file) (v1.Layer, error) {
	return layer(created, append(licenses, []file{
		{path: programPath[1:], mode: 0o755, content: program},
		{path: "usr/bin/turnadmin", mode: 0o777, link: "iceserver"},
		{path: "usr/bin/turnserver", mode: 0o777, link: "iceserver"},
	}...))
}

// layer packs files, each with the same time.
func layer(at time.Time, files []file) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, f := range files {
		h := &tar.Header{
			Format: tar.FormatUSTAR, Typeflag: tar.TypeReg, Name: f.path, Mode: f.mode,
			Uid: f.owner, Gid: f.owner, Size: int64(len(f.content)), ModTime: at,
		}
		switch {
		case f.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		case f.path[len(f.path)-1] == '/':
			h.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.DefaultCompression))
}
