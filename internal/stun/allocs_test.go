package stun

import (
	"net/netip"
	"testing"
)

// What the packet path uses allocates nothing.
func TestNoAllocations(t *testing.T) {
	request := vector(t, "request")
	response := vector(t, "response6")
	buf := make([]byte, 0, 2048)
	unknown := []AttrType{0x7777, 0x7778, 0x7779}
	peer6 := netip.MustParseAddrPort("[2001:db8::1]:50000")
	value := []byte("a nonce, 43 characters long as they are here")
	data := append([]byte("\x40\x01\x00\x05hello"), 0, 0, 0)
	var sink int
	tests := map[string]func(){
		"Parse": func() {
			m, err := Parse(request)
			if err != nil {
				t.Fatal(err)
			}
			sink += int(m.Method)
		},
		"Get": func() {
			m, _ := Parse(request)
			v, _ := m.Get(AttrUsername)
			w, _ := m.Integrity()
			sink += len(v) + len(w)
		},
		"Attributes": func() {
			m, _ := Parse(request)
			for typ, v := range m.Attributes() {
				sink += int(typ) + len(v)
			}
		},
		"CheckFingerprint": func() {
			m, _ := Parse(request)
			if _, ok := m.CheckFingerprint(); !ok {
				t.Fatal("wrong")
			}
		},
		"XORAddress": func() {
			m, _ := Parse(response)
			ap, _ := m.XORAddress(AttrXORMappedAddress)
			sink += int(ap.Port())
		},
		"fixed lengths": func() {
			m, _ := Parse(request)
			v, _ := m.Uint32(AttrPriority)
			w, _ := m.Transport()
			sink += int(v) + int(w)
		},
		"Builder": func() {
			b := NewBuilder(buf[:0], MethodAllocate, ClassError, testID)
			b.AddXORAddress(AttrXORMappedAddress, testAddrPort)
			b.AddAddress(AttrMappedAddress, peer6)
			b.Add(AttrNonce, value)
			b.AddString(AttrRealm, "example.org")
			b.AddUint32(AttrLifetime, 600)
			b.AddError(420, "Unknown Attribute")
			b.AddUnknown(unknown)
			b.AddICMP(ICMP{Type: 3})
			b.AddFingerprint()
			sink += len(b.Bytes())
		},
		"ChannelData": func() {
			number, v, _ := ParseChannelData(data)
			PutChannelHeader(buf[:4], number, len(v))
			n, _ := FrameSize(data)
			sink += n
		},
		"PutDataHeader": func() { sink += PutDataHeader(buf[:48], testID, peer6, 1200) },
	}
	for name, f := range tests {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	_ = sink
}

// The HMAC itself allocates; nothing around it does more than once.
func TestIntegrityAllocations(t *testing.T) {
	b := protected(true)
	buf := make([]byte, 0, 512)
	check := testing.AllocsPerRun(100, func() {
		m, _ := Parse(b)
		if !m.CheckIntegrity(testKey) {
			t.Fatal("wrong")
		}
	})
	build := testing.AllocsPerRun(100, func() {
		b := NewBuilder(buf[:0], MethodRefresh, ClassSuccess, testID)
		b.AddIntegrity(testKey)
	})
	t.Logf("CheckIntegrity: %v allocations, AddIntegrity: %v", check, build)
	if check > maxMACAllocations+1 || build > maxMACAllocations {
		t.Errorf("CheckIntegrity: %v allocations, AddIntegrity: %v", check, build)
	}
}

// maxMACAllocations is what one HMAC of the standard library costs.
const maxMACAllocations = 5

func BenchmarkParse(b *testing.B) {
	request := vector(b, "request")
	b.ReportAllocs()
	for b.Loop() {
		m, err := Parse(request)
		if err != nil {
			b.Fatal(err)
		}
		if _, ok := m.Get(AttrUsername); !ok {
			b.Fatal("no USERNAME")
		}
	}
}

func BenchmarkCheckIntegrity(b *testing.B) {
	m := mustParse(b, protected(true))
	b.ReportAllocs()
	for b.Loop() {
		if !m.CheckIntegrity(testKey) {
			b.Fatal("wrong")
		}
	}
}

func BenchmarkBuildResponse(b *testing.B) {
	buf := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		r := NewBuilder(buf[:0], MethodBinding, ClassSuccess, testID)
		r.AddXORAddress(AttrXORMappedAddress, testAddrPort)
		if len(r.Bytes()) != 32 {
			b.Fatal("wrong length")
		}
	}
}
