package config

import "reflect"

// Changed lists the keys whose values differ between two configurations, or of which
// one says what the other leaves to the default where that is not the same, in the
// order of the table: those that a reload puts in force, and those that take a
// restart.
func Changed(before, after *Config) (live, restart []string) {
	for _, k := range Keys() {
		same := k.at == nil || reflect.DeepEqual(value(before, &k), value(after, &k))
		if same && (!k.Said || before.Set(k.Name) == after.Set(k.Name)) {
			continue
		}
		if k.Live {
			live = append(live, k.Name)
		} else {
			restart = append(restart, k.Name)
		}
	}
	return live, restart
}

// TakeLive puts into c what next has for the keys that a reload puts in force,
// and remembers where it came from.
func TakeLive(c, next *Config) {
	for _, k := range Keys() {
		if k.at != nil && k.Live {
			reflect.ValueOf(k.at(c)).Elem().Set(reflect.ValueOf(k.at(next)).Elem())
		}
	}
	c.Sources = next.Sources
}

func value(c *Config, k *Key) any { return reflect.ValueOf(k.at(c)).Elem().Interface() }
