package doctor

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"iceserver/test/servertest"
)

func TestMain(m *testing.M) {
	code := servertest.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		code = 1
	}
	os.Exit(code)
}
