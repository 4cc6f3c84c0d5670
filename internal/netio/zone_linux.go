package netio

import (
	"net"
	"strconv"
)

// zones translates between the kernel's scope numbers and the zone names of
// netip, which only link-local IPv6 addresses have. Asking the system costs
// several calls, so answers are kept; a machine has few interfaces, and an
// unknown name is not kept, so the maps stay small.
type zones struct {
	names  map[uint32]string
	scopes map[string]uint32
}

// name is the interface's name, or its number when it has gone.
func (z *zones) name(scope uint32) string {
	if name, ok := z.names[scope]; ok {
		return name
	}
	ifi, err := net.InterfaceByIndex(int(scope))
	if err != nil {
		return strconv.FormatUint(uint64(scope), 10)
	}
	z.keep(ifi.Name, scope)
	return ifi.Name
}

// scope is the number of a zone given as a name or as a number; 0 if there is
// no such interface, which the kernel then refuses.
func (z *zones) scope(name string) uint32 {
	if scope, ok := z.scopes[name]; ok {
		return scope
	}
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		n, _ := strconv.ParseUint(name, 10, 32)
		return uint32(n)
	}
	z.keep(name, uint32(ifi.Index))
	return uint32(ifi.Index)
}

func (z *zones) keep(name string, scope uint32) {
	if z.names == nil {
		z.names = make(map[uint32]string)
		z.scopes = make(map[string]uint32)
	}
	z.names[scope], z.scopes[name] = name, scope
}
