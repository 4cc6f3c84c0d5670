package config

// Kind is what values of a key look like, in one word for the documentation.
type Kind string

const (
	kindBool      Kind = "bool"
	kindInt       Kind = "number"
	kindBytes     Kind = "bytes/s"
	kindPort      Kind = "port"
	kindSeconds   Kind = "seconds"
	kindString    Kind = "text"
	kindPath      Kind = "path"
	kindChoice    Kind = "choice"
	kindChar      Kind = "character"
	kindRealm     Kind = "realm"
	kindIP        Kind = "address"
	kindIPPort    Kind = "address:port"
	kindExternal  Kind = "public[/private]"
	kindPeer      Kind = "address, range or CIDR"
	kindUser      Kind = "name:password"
	kindSecret    Kind = "secret"
	kindDatabase  Kind = "connection string"
	kindURL       Kind = "URL"
	kindOrigin    Kind = "origin"
	kindInterface Kind = "interface"
)

// Verdict is what becomes of a key.
type Verdict string

const (
	// Supported keys do what they say.
	Supported Verdict = "supported"
	// Settled keys ask for what is so anyway. They are taken without a word,
	// and with a warning when they ask for the opposite.
	Settled Verdict = "settled"
	// Pending keys are not implemented yet: one warning line each, unless they
	// ask for what is so anyway.
	Pending Verdict = "pending"
	// Obsolete keys have no effect any more, or are read as another key: one
	// warning line each.
	Obsolete Verdict = "obsolete"
	// Refused keys are an error, unless they are switches turned off.
	Refused Verdict = "refused"
)

// A Key is one row of the table of all keys.
type Key struct {
	Name    string
	Short   string // coturn's one-letter flag, or empty
	Group   string // listener, relay, auth, tls, limits, peers, protocol, logging, admin
	Kind    Kind
	Repeat  bool   // every mention adds to a list
	Default string // as written in a file; of a switch, what is so without it
	// Implied is what the bare key means, for keys whose value may be left out.
	Implied  string
	Min, Max int64    // of numbers, inclusive
	Choices  []string // of kind choice
	Doc      string   // one sentence: what the key means
	Verdict  Verdict
	Note     string // why not, and what to do instead, when not Supported
	Means    string // "key=value" that the key is read as, or the key it is another name of
	Secret   bool   // values are never printed

	// at points to the field that holds the value, or is nil.
	at func(*Config) any
}

// Keys returns the table of all keys: coturn's, present and past, and our own.
// It drives the file, the flags, the environment and the documentation.
func Keys() []Key {
	var all []Key
	for _, g := range []struct {
		name string
		keys []Key
	}{
		{"listener", listenerKeys()},
		{"relay", relayKeys()},
		{"auth", authKeys()},
		{"lifetimes", lifetimeKeys()},
		{"tls", tlsKeys()},
		{"limits", limitKeys()},
		{"peers", peerKeys()},
		{"protocol", protocolKeys()},
		{"alternate", alternateKeys()},
		{"logging", loggingKeys()},
		{"process", processKeys()},
		{"admin", adminKeys()},
		{"metrics", metricsKeys()},
		{"database", databaseKeys()},
		{"historical", historicalKeys()},
		{"own", append(ownKeys(), webKeys()...)},
	} {
		for _, k := range g.keys {
			k.Group = g.name
			all = append(all, k.filled())
		}
	}
	return all
}

// noLimit is the Max of numbers without a bound of their own.
const noLimit = 1<<31 - 1

// filled completes what follows from the kind, so that the rows stay short.
func (k Key) filled() Key {
	if k.Verdict == "" {
		k.Verdict = Supported
	}
	switch k.Kind {
	case kindBool:
		k.Implied = "true"
		if k.Default == "" {
			k.Default = "false"
		}
	case kindPort:
		k.Max = 65535
		if k.Default != "0" {
			k.Min = 1
		}
	case kindBytes:
		k.Max = 1<<63 - 1
	case kindSecret, kindUser, kindDatabase:
		k.Secret = true
	}
	if k.Max == 0 {
		k.Max = noLimit
	}
	return k
}

// table finds keys by name.
type table struct {
	keys   []Key
	byName map[string]*Key
}

// newTable builds the table anew: it is data, not state, and two servers in one
// process share nothing.
func newTable() *table {
	t := &table{keys: Keys()}
	t.byName = make(map[string]*Key, len(t.keys))
	for i := range t.keys {
		t.byName[t.keys[i].Name] = &t.keys[i]
	}
	return t
}
