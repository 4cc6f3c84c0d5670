package container

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// arch is the architecture whose image can run here.
const arch = runtime.GOARCH

// layout is a directory in the format of the OCI image specification. It is read
// here by hand, since reading it with the library that wrote it would prove less.
type layout struct{ dir string }

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
	Platform    *struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	} `json:"platform"`
}

type index struct {
	MediaType   string            `json:"mediaType"`
	Manifests   []descriptor      `json:"manifests"`
	Annotations map[string]string `json:"annotations"`
}

type manifest struct {
	MediaType string       `json:"mediaType"`
	Config    descriptor   `json:"config"`
	Layers    []descriptor `json:"layers"`
}

// imageConfig is what an image says of itself.
type imageConfig struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Created      string `json:"created"`
	Config       struct {
		User         string
		Env          []string
		Entrypoint   []string
		Cmd          []string
		WorkingDir   string
		Volumes      map[string]struct{}
		ExposedPorts map[string]struct{}
		Labels       map[string]string
	} `json:"config"`
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// blob returns what a descriptor names, if it is that.
func (l layout) blob(t *testing.T, d descriptor) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(l.dir, "blobs", "sha256", d.Digest[len("sha256:"):]))
	if err != nil {
		t.Fatal(err)
	}
	if got := digest(content); got != d.Digest || int64(len(content)) != d.Size {
		t.Fatalf("a blob of %d bytes is %s, want %d bytes, %s", len(content), got, d.Size, d.Digest)
	}
	return content
}

func digest(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

// top is the descriptor in index.json of the index over all architectures.
func (l layout) top(t *testing.T) descriptor {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	outer := decode[index](t, text)
	if len(outer.Manifests) != 1 {
		t.Fatalf("index.json has %d entries, want one: whoever copies it would have to be told which", len(outer.Manifests))
	}
	return outer.Manifests[0]
}

// image reads the manifest and the configuration for an architecture.
func (l layout) image(t *testing.T, arch string) (manifest, imageConfig) {
	t.Helper()
	for _, d := range decode[index](t, l.blob(t, l.top(t))).Manifests {
		if d.Platform != nil && d.Platform.OS == "linux" && d.Platform.Architecture == arch {
			m := decode[manifest](t, l.blob(t, d))
			return m, decode[imageConfig](t, l.blob(t, m.Config))
		}
	}
	t.Fatalf("there is no image for linux/%s", arch)
	return manifest{}, imageConfig{}
}

func decode[T any](t *testing.T, text []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// unpack lays the layers of an image over each other in root, owners included.
func (l layout) unpack(t *testing.T, m manifest, c imageConfig, root string) {
	t.Helper()
	for i, d := range m.Layers {
		z, err := gzip.NewReader(bytes.NewReader(l.blob(t, d)))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if got := digest(plain); got != c.RootFS.DiffIDs[i] {
			t.Fatalf("layer %d is %s, and the configuration says %s", i, got, c.RootFS.DiffIDs[i])
		}
		untar(t, tar.NewReader(bytes.NewReader(plain)), root)
	}
}

func untar(t *testing.T, r *tar.Reader, root string) {
	t.Helper()
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := place(h, r, filepath.Join(root, h.Name)); err != nil {
			t.Fatal(err)
		}
	}
}

// place makes one entry.
func place(h *tar.Header, content io.Reader, path string) error {
	var err error
	switch h.Typeflag {
	case tar.TypeDir:
		err = os.MkdirAll(path, 0o700)
	case tar.TypeSymlink:
		if err := os.Symlink(h.Linkname, path); err != nil {
			return err
		}
		return os.Lchown(path, h.Uid, h.Gid)
	case tar.TypeReg:
		var text []byte
		if text, err = io.ReadAll(content); err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
	default:
		err = fmt.Errorf("%s: an entry of type %q", h.Name, h.Typeflag)
	}
	if err != nil {
		return err
	}
	// The mode last: a change of owner takes bits of it away.
	if err := os.Chown(path, h.Uid, h.Gid); err != nil {
		return err
	}
	return os.Chmod(path, h.FileInfo().Mode())
}
