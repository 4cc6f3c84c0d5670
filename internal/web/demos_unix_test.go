//go:build unix

package web

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// H-13, H-16: whatever lies in the folder of the demos, a request for it ends,
// takes little memory, and brings nobody else's servers.
func TestOddFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("capitals.HTML", string(original()["demos/plain.html"].Data))
	write("long.html", strings.Repeat("x", longestPage+1))
	write("film.mp4", "")
	if err := os.Truncate(filepath.Join(dir, "film.mp4"), 1<<30); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.txt"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	h := newHandler(built(t), Options{DemosDir: root.FS(), ICEServers: given(`[{"urls":["turn:h"]}]`)})
	r, body := get(t, h, "GET", "/demos/capitals.HTML")
	if r.StatusCode != 200 || !strings.Contains(body, "turn:h") || strings.Contains(body, "example.net") || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v\n%s", r.StatusCode, r.Header, body)
	}
	for path, want := range map[string]int{"/demos/long.html": 404, "/demos/pipe.txt": 404} {
		status := make(chan int, 1)
		go func() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			status <- w.Code
		}()
		select {
		case got := <-status:
			if got != want {
				t.Errorf("%s: %d, want %d", path, got, want)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: no answer", path)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, _ = get(t, h, "HEAD", "/demos/film.mp4")
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; r.StatusCode != 200 || r.ContentLength != 1<<30 || n > 10<<20 {
		t.Errorf("%d, %d bytes long, took %d", r.StatusCode, r.ContentLength, n)
	}
}
