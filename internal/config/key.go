package config

import "slices"

// Kind is what values of a key look like, in one word for the documentation.
type Kind string

const (
	kindBool      Kind = "bool"
	kindInt       Kind = "number"
	kindBytes     Kind = "bytes"
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
	kindNetwork   Kind = "address or CIDR"
	kindInterface Kind = "interface"
	kindTimestamp Kind = "time format"
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
	Group   string // the name of the group that it stands in
	Kind    Kind
	Repeat  bool   // every mention adds to a list
	Instead bool   // of a list: a heavier place replaces it instead of adding to it
	Zero    bool   // of a port: 0 is a value too, though not the default; of a secret: so is an empty one
	Off     string // of a port: the switch that 0 is read as
	Default string // as written in a file; of a switch, what is so without it
	// Implied is what the bare key means, for keys whose value may be left out.
	Implied  string
	Min, Max int64    // of numbers, inclusive
	Choices  []string // of kind choice
	Doc      string   // one sentence: what the key means
	Verdict  Verdict
	Note     string // why not, and what to do instead, when not Supported
	Means    string // "key=value" that the key is read as, or the key it is another name of
	Live     bool   // a reload puts a new value in force; of the others a restart does
	Said     bool   // to leave it out is not the same as to name its default
	Secret   bool   // values are never printed
	Example  string // a value, as somebody may write it
	// Coturn is what coturn does with the key where that differs, in a clause,
	// and since or until when it has it.
	Coturn  string
	Own     bool     // coturn never had the key
	Related []string // other keys that belong to the matter
	Follows []string // the keys that decide this one where it is not set itself

	// at points to the field that holds the value, or is nil.
	at func(*Config) any
}

// A Group is the keys of one matter, in the order of the documentation.
type Group struct {
	Name  string // one word: listener, relay, auth
	Title string // what the group is about, for a heading
	Keys  []Key
}

// Groups returns the table of all keys: coturn's, present and past, and our own.
// It drives the file, the flags, the environment and the documentation.
func Groups() []Group {
	groups := []Group{
		{"listener", "Where clients are listened for", listenerKeys()},
		{"relay", "What peers see, and who moves the packets", relayKeys()},
		{"auth", "Who may relay", authKeys()},
		{"lifetimes", "How long things live", lifetimeKeys()},
		{"tls", "TLS and DTLS", tlsKeys()},
		{"acme", "Certificates by ACME", acmeKeys()},
		{"limits", "Quotas and bandwidth", limitKeys()},
		{"peers", "Rules about peers", peerKeys()},
		{"protocol", "What messages say", protocolKeys()},
		{"alternate", "Other servers", alternateKeys()},
		{"logging", "The log", loggingKeys()},
		{"process", "The process", processKeys()},
		{"admin", "Administration", adminKeys()},
		{"metrics", "Metrics", metricsKeys()},
		{"database", "Databases", databaseKeys()},
		{"historical", "Names that coturn has dropped", historicalKeys()},
		{"own", "Data and engine", ownKeys()},
		{"web", "Pages and API", webKeys()},
		{"signaling", "Signaling", signalingKeys()},
	}
	for _, g := range groups {
		for i, k := range g.Keys {
			k.Group = g.Name
			k.Own = k.Own || slices.Contains([]string{"own", "acme", "web", "signaling"}, g.Name)
			g.Keys[i] = k.filled()
		}
	}
	return groups
}

// Keys returns the keys of all groups, in their order.
func Keys() []Key {
	var all []Key
	for _, g := range Groups() {
		all = append(all, g.Keys...)
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
		if k.Default != "0" && !k.Zero {
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
	if k.Example == "" {
		k.Example = k.usualExample()
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
