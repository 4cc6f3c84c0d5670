//go:build linux

package packages_test

import (
	"os/exec"
	"strings"
	"testing"

	"iceserver/test/servertest"
)

// A package of a later commit or tag is an upgrade for dpkg, never a downgrade.
func TestVersionsRise(t *testing.T) {
	root, err := servertest.Root()
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, variables := range [][]string{
		{"VERSION=devel", "COMMIT=ffffffffffff", "SOURCE_DATE_EPOCH=1795359212"},
		{"VERSION=devel", "COMMIT=000000000000", "SOURCE_DATE_EPOCH=1795359213"},
		{"VERSION=v1.0.0-rc.1"}, {"VERSION=v1.0.0-rc.2-3-g0123456"}, {"VERSION=v1.0.0"}, {"VERSION=v1.0.0-3-g0123456"}, {"VERSION=v1.0.1"},
	} {
		show := append([]string{"-s", "-C", root, "--eval=show: ; @echo '$(PACKAGE_VERSION)'", "show"}, variables...)
		out, err := exec.Command("make", show...).CombinedOutput()
		version := strings.TrimSpace(string(out))
		if err != nil || version == "" || strings.Contains(version, "-") {
			t.Fatalf("%q: %q, %v", variables, version, err)
		}
		if last != "" && exec.Command("dpkg", "--compare-versions", last, "lt", version).Run() != nil {
			t.Errorf("%s is not below %s", last, version)
		}
		last = version
	}
}
