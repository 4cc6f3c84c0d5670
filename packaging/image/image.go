package main

import (
	"fmt"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The relayed ports of the image, unless its user says others: few enough that
// each can be published, which costs a rule or a process for each.
const (
	minPort = 49160
	maxPort = 49200
)

// platformImage is the image for one architecture.
type platformImage struct {
	arch string
	v1.Image
}

func (p platformImage) platform() *v1.Platform {
	return &v1.Platform{OS: "linux", Architecture: p.arch}
}

// image puts the layers together and says how the program is run.
func (b *build) image(arch string, base v1.Layer) (v1.Image, error) {
	content, err := readBinary(arch, b.binaries[arch])
	if err != nil {
		return nil, err
	}
	licenses, err := readLicenses(b.licenses)
	if err != nil {
		return nil, err
	}
	program, err := programLayer(b.created, content, licenses)
	if err != nil {
		return nil, err
	}
	i := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	at := v1.Time{Time: b.created}
	i, err = mutate.Append(i,
		mutate.Addendum{Layer: base, History: v1.History{Created: v1.Time{Time: time.Unix(0, 0).UTC()}, CreatedBy: "packaging/image", Comment: "user, data directory, authorities"}},
		mutate.Addendum{Layer: program, History: v1.History{Created: at, CreatedBy: "packaging/image", Comment: "iceserver " + b.version}},
	)
	if err != nil {
		return nil, err
	}
	file, err := i.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created = "linux", arch, at
	file.Config = b.config()
	return mutate.ConfigFile(i, file)
}

// config is how a container of the image starts, unless somebody says otherwise.
func (b *build) config() v1.Config {
	ports := map[string]struct{}{"3478/udp": {}, "3478/tcp": {}, "5349/tcp": {}}
	for port := minPort; port <= maxPort; port++ {
		ports[fmt.Sprintf("%d/udp", port)] = struct{}{}
	}
	return v1.Config{
		User:       fmt.Sprintf("%d:%d", user, user),
		Entrypoint: []string{programPath},
		Env: []string{
			"PATH=/usr/bin",
			"HOME=" + dataDir,
			"ICESERVER_DATA_DIR=" + dataDir,
			"ICESERVER_MIN_PORT=" + strconv.Itoa(minPort),
			"ICESERVER_MAX_PORT=" + strconv.Itoa(maxPort),
		},
		WorkingDir:   dataDir,
		Volumes:      map[string]struct{}{dataDir: {}},
		ExposedPorts: ports,
		Labels:       b.labels(),
	}
}

// labels are the names that registries and scanners look for.
func (b *build) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":       "iceserver",
		"org.opencontainers.image.description": "STUN and TURN server for WebRTC",
		"org.opencontainers.image.version":     b.version,
		"org.opencontainers.image.revision":    b.revision,
		"org.opencontainers.image.created":     b.created.Format(time.RFC3339),
		"org.opencontainers.image.licenses":    "Apache-2.0",
	}
}
