package load

import (
	"testing"

	"go.uber.org/goleak"
)

// The readers of connections must end with their wire.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
