package netio_test

import (
	"testing"

	"iceserver/internal/netio"
	"iceserver/internal/netio/netiotest"
)

func TestEngines(t *testing.T) {
	t.Run("best", func(t *testing.T) { netiotest.Test(t, netio.New) })
	t.Run("std", func(t *testing.T) { netiotest.Test(t, netio.NewStd) })
}
