package listener

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// watchedFiles is a certificate in files that a test changes, and the log.
type watchedFiles struct {
	*Certificates
	t    *testing.T
	pair Pair
	now  time.Time
	text strings.Builder
	log  *slog.Logger
}

func watch(t *testing.T) *watchedFiles {
	t.Helper()
	dir := t.TempDir()
	w := &watchedFiles{t: t, now: time.Now(), pair: Pair{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}}
	w.log = slog.New(slog.NewTextHandler(&w.text, nil))
	w.write(200 * 24 * time.Hour)
	var err error
	if w.Certificates, err = LoadCertificates(w.pair); err != nil {
		t.Fatal(err)
	}
	return w
}

// write makes a pair that is good for some time.
func (w *watchedFiles) write(left time.Duration) {
	w.t.Helper()
	cert, key := w.make(left)
	w.put(w.pair.KeyFile, key)
	w.put(w.pair.CertFile, cert)
}

func (w *watchedFiles) make(left time.Duration) (cert, key []byte) {
	w.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return issueFrom(w.t, private, w.now.Add(-1000*time.Hour), w.now.Add(left))
}

// put replaces a file, as tools do that are careful.
func (w *watchedFiles) put(file string, text []byte) {
	w.t.Helper()
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		w.t.Fatal(err)
	}
}

// looks looks a few times and returns what the log was told.
func (w *watchedFiles) looks() string {
	for range 4 {
		w.look(w.now, w.log)
		w.now = w.now.Add(watchEvery)
	}
	defer w.text.Reset()
	return w.text.String()
}

// A new certificate is taken as soon as it is there, and nothing is said as long
// as nothing happens.
func TestWatch(t *testing.T) {
	w := watch(t)
	if said := w.looks(); said != "" {
		t.Error(said)
	}
	first := w.Leaf()
	w.write(200 * 24 * time.Hour)
	if said := w.looks(); strings.Count(said, "\n") != 1 || !strings.Contains(said, w.pair.CertFile) {
		t.Error(said)
	}
	if w.Leaf().Equal(first) {
		t.Error("the old one is shown")
	}
}

// A-L05: what cannot be used leaves the old certificate where it is, and the log
// says once which file and why; what is right again is taken.
func TestWatchBroken(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w *watchedFiles)
		want  string
	}{
		"rubbish":      {func(w *watchedFiles) { w.put(w.pair.CertFile, []byte("rubbish")) }, "not in PEM form"},
		"another key":  {func(w *watchedFiles) { _, key := w.make(time.Hour); w.put(w.pair.KeyFile, key) }, "belongs to another certificate"},
		"missing":      {func(w *watchedFiles) { os.Remove(w.pair.KeyFile) }, "no such file"},
		"expired":      {func(w *watchedFiles) { w.write(-time.Hour) }, "has run out"},
		"to come":      {func(w *watchedFiles) { w.now = w.now.Add(2000 * time.Hour); w.write(time.Hour); w.now = time.Now() }, "clock"},
		"half written": {func(w *watchedFiles) { cert, _ := w.make(time.Hour); w.put(w.pair.CertFile, cert[:100]) }, "failed to find any PEM data"},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(t)
			first := w.Leaf()
			c.spoil(w)
			said := w.looks() + w.looks()
			if strings.Count(said, "\n") != 1 || !strings.Contains(said, c.want) || !strings.Contains(said, w.pair.CertFile) {
				t.Errorf("%q is not in: %s", c.want, said)
			}
			if w.Leaf() != first {
				t.Error("another certificate is shown")
			}
			if why := w.Refused()[w.pair.CertFile]; why == nil || !strings.Contains(why.Error(), c.want) {
				t.Errorf("refused for %v", why)
			}
			if err := w.Reload(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Reload: %v", err)
			}
			w.now = time.Now()
			w.write(200 * 24 * time.Hour)
			if said := w.looks(); strings.Count(said, "\n") != 1 || w.Leaf() == first {
				t.Errorf("the right one is not taken: %s", said)
			}
			if why := w.Refused(); len(why) > 0 {
				t.Errorf("the right one is refused for %v", why)
			}
		})
	}
}

// Two files are never changed at once: in between nothing is said, and the old
// certificate is shown.
func TestWatchBetween(t *testing.T) {
	w := watch(t)
	first := w.Leaf()
	cert, key := w.make(200 * 24 * time.Hour)
	w.put(w.pair.CertFile, cert)
	w.look(w.now, w.log)
	if w.Leaf() != first || w.text.String() != "" {
		t.Errorf("half a change: %s", w.text.String())
	}
	w.put(w.pair.KeyFile, key)
	if said := w.looks(); strings.Contains(said, "WARN") || w.Leaf() == first {
		t.Error(said)
	}
}

// The log is told 30, 7 and 1 days before the end, once each, and then every day.
func TestWatchExpires(t *testing.T) {
	const day = 24 * time.Hour
	w := watch(t)
	end := time.Now().Add(200 * day)
	long := *w.Leaf()
	long.NotBefore, long.NotAfter = end.Add(-200*day), end
	short := long
	short.NotBefore = end.Add(-60 * day)
	for _, c := range []struct {
		left        time.Duration
		long, short int
	}{
		{31 * day, 0, 0}, {29 * day, 1, 0}, {14 * day, 1, 1}, {7 * day, 2, 1}, {3 * day, 2, 2}, {day, 3, 2}, {day / 3, 3, 3}, {-1, 4, 4},
	} {
		if a, b := nearness(&long, end.Add(-c.left)), nearness(&short, end.Add(-c.left)); a != c.long || b != c.short {
			t.Errorf("%v before: %d and %d, want %d and %d", c.left, a, b, c.long, c.short)
		}
	}
	var s watched
	for at := end.Add(-60 * day); at.Before(end.Add(3 * day)); at = at.Add(time.Hour) {
		s.warnBefore(&long, at, w.log)
	}
	said := w.text.String()
	for _, want := range []string{"days=30", "days=7", "days=1", "level=ERROR"} {
		if !strings.Contains(said, want) {
			t.Errorf("%s is not in:\n%s", want, said)
		}
	}
	if n := strings.Count(said, "\n"); n != 6 { // 30, 7, 1, at the end, and two days more
		t.Errorf("%d lines:\n%s", n, said)
	}
}

// Watch looks by itself, and ends.
func TestWatchRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.Watch(ctx, slog.New(slog.DiscardHandler)) }()
		synctest.Wait()
		first := w.Leaf()
		w.put(w.pair.CertFile, []byte("rubbish"))
		time.Sleep(2 * watchEvery)
		if w.Leaf() != first {
			t.Error("the old one is gone")
		}
		w.write(200 * 24 * time.Hour)
		time.Sleep(2 * watchEvery)
		if w.Leaf() == first {
			t.Error("the new one was not seen")
		}
		cancel()
		<-done
	})
}
