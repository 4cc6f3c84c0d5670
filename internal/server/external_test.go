package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// metadata plays the metadata service of a cloud as its manual describes it.
func metadata(t *testing.T, answer http.HandlerFunc) []cloud {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return clouds(s.URL)
}

// Each cloud is asked as it wants to be, and nothing but a public address is
// believed.
func TestFindByMetadata(t *testing.T) {
	const ip = "198.41.1.9"
	on := func(method, path string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method != method || r.URL.Path != path || len(header) > 0 && r.Header.Get(header[0]) != header[1] {
				http.NotFound(w, r)
				return
			}
			_, _ = w.Write([]byte(ip + "\n"))
		}
	}
	aws := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && r.URL.Path == "/latest/api/token" && r.Header.Get(awsTTL) != "" {
			_, _ = w.Write([]byte("token of a minute"))
			return
		}
		on(http.MethodGet, "/latest/meta-data/public-ipv4", awsToken, "token of a minute")(w, r)
	}
	says := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		who    string // empty: nothing is found
	}{
		{"Google", on("GET", "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip", "Metadata-Flavor", "Google"), "Google Cloud"},
		{"Azure", on("GET", "/metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress", "Metadata", "true"), "Azure"},
		{"Hetzner", on("GET", "/hetzner/v1/metadata/public-ipv4"), "Hetzner"},
		{"DigitalOcean", on("GET", "/metadata/v1/interfaces/public/0/ipv4/address"), "DigitalOcean"},
		{"AWS", aws, "AWS"},
		{"Alibaba", on("GET", "/latest/meta-data/eipv4"), "Alibaba Cloud"},
		{"Tencent", on("GET", "/latest/meta-data/public-ipv4"), "Tencent Cloud"},
		{"a private address", says("10.0.0.1"), ""},
		{"a page", says("<html>" + strings.Repeat("198.41.1.9 ", 1000)), ""},
		{"nothing", says(""), ""},
		{"a way elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://198.41.1.9/", http.StatusFound)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &finder{clouds: metadata(t, c.answer)}
			a, who, err := f.find(context.Background(), netip.MustParseAddr("10.1.2.3"))
			if c.who == "" {
				if err == nil || a.IsValid() {
					t.Fatalf("found %v by %s", a, who)
				}
				return
			}
			if err != nil || a.String() != ip || !strings.HasSuffix(who, c.who) {
				t.Errorf("found %v by %q, %v; want %s by %s", a, who, err, ip, c.who)
			}
		})
	}
}

// Amazon's service of the first version is asked without a token, and what is
// silent behind the answer is not waited for.
func TestFindWithoutToken(t *testing.T) {
	const ip = "198.41.1.9"
	asked := clouds("")
	f := &finder{clouds: metadata(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/latest/meta-data/public-ipv4" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(ip))
	})}
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	f.clouds = append(slices.DeleteFunc(f.clouds, func(c cloud) bool { return c.name == "Tencent Cloud" }), cloud{name: "nobody", url: silent.URL})
	a, who := f.askClouds(t.Context())
	if a.String() != ip || who != asked[len(asked)-1].name {
		t.Errorf("found %v by %q", a, who)
	}
}

// A public address is its own; a STUN server is asked from the address in question.
func TestFindWithoutMetadata(t *testing.T) {
	f := &finder{}
	own := netip.MustParseAddr("198.41.1.9")
	if a, _, err := f.find(context.Background(), own); a != own || err != nil {
		t.Errorf("a public address is seen as %v, %v", a, err)
	}
	r := start(t, load(t, ""), Options{})
	r.log.Wait(t, "msg=ready")
	here := netip.MustParseAddr("127.0.0.1")
	f.stun = r.Addrs().UDP[0].String()
	if a, who, err := f.find(context.Background(), here); a != here || err != nil || !strings.Contains(who, f.stun) {
		t.Errorf("our own server sees %v, %q, %v", a, who, err)
	}
	f.stun = "127.0.0.1:9"
	if a, _, err := f.find(context.Background(), here); err == nil {
		t.Errorf("nobody answers, and %v is found", a)
	}
}

// The name of this machine often stands for loopback in its own /etc/hosts.
func TestNameOfThisMachine(t *testing.T) {
	at := func(texts ...string) (out []netip.Addr) {
		for _, s := range texts {
			out = append(out, netip.MustParseAddr(s))
		}
		return out
	}
	for _, c := range []struct {
		found []netip.Addr
		relay string
		want  string // empty: none will do
	}{
		{at("127.0.1.1"), "10.0.0.5", ""},
		{at("127.0.1.1", "198.18.0.1"), "10.0.0.5", "198.18.0.1"},
		{at("::1"), "2001:db8::5", ""},
		{at("0.0.0.0"), "10.0.0.5", ""},
		{at("::ffff:127.0.1.1"), "127.0.0.1", "127.0.1.1"},
	} {
		a, err := beyond(c.found, "turn.example.org", netip.MustParseAddr(c.relay))
		switch {
		case c.want == "" && (err == nil || !strings.Contains(err.Error(), "turn.example.org stands for "+c.found[0].String())):
			t.Errorf("%v: %v, %v", c.found, a, err)
		case c.want != "" && (err != nil || a.String() != c.want):
			t.Errorf("%v: %v, %v; want %s", c.found, a, err, c.want)
		}
	}
	if a, err := lookUp("localhost", netip.MustParseAddr("10.0.0.5")); err == nil {
		t.Errorf("localhost is told as %v", a)
	}
}

// hetzner is a metadata service that knows the address that it was told last, and
// none before.
func hetzner(t *testing.T) (url string, say func(ip string)) {
	t.Helper()
	var answer atomic.Value
	m := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ip, _ := answer.Load().(string); ip != "" && r.URL.Path == "/hetzner/v1/metadata/public-ipv4" {
			_, _ = w.Write([]byte(ip))
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(m.Close)
	return m.URL, func(ip string) { answer.Store(ip) }
}

// external-ip=auto is followed: a new address is told to new clients, and the
// server goes on when nobody knows any more.
func TestExternalAuto(t *testing.T) {
	metadata, say := hetzner(t)
	say("198.41.1.9")
	r := start(t, load(t, "external-ip=auto/127.0.0.1"), Options{Metadata: metadata})
	line := r.log.Wait(t, "msg=\"external address\"")
	if !strings.Contains(line, "external=198.41.1.9") || !strings.Contains(line, "Hetzner") {
		t.Error(line)
	}
	r.log.Wait(t, "self_test=true")
	relayed := func() string { return seen(r.place().relays[0]).String() }
	if relayed() != "198.41.1.9" {
		t.Errorf("relayed at %s", relayed())
	}
	for _, step := range []struct{ says, want string }{{"198.41.1.9", "198.41.1.9"}, {"198.41.1.10", "198.41.1.10"}, {"", "198.41.1.10"}, {"10.0.0.1", "198.41.1.10"}} {
		say(step.says)
		r.followExternal()
		if relayed() != step.want {
			t.Errorf("the service says %q, and relayed is at %s, want %s", step.says, relayed(), step.want)
		}
	}
	r.log.Wait(t, "before=198.41.1.9/127.0.0.1 now=198.41.1.10/127.0.0.1")
	// Nor does a reload forget it while nobody answers.
	say("")
	if err := r.change(func(x *setup) error { _, err := r.takeOver(x, x.cfg); return err }); err != nil || relayed() != "198.41.1.10" {
		t.Errorf("after a reload while nobody answers relayed is at %s, %v", relayed(), err)
	}
}
