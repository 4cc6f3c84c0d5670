package stun

// Transport returns the protocol number in REQUESTED-TRANSPORT, 17 for UDP and
// 6 for TCP. The errors are those of Uint32.
//
// R-8656-18.1-a (RFC 8656, 18.8): one byte of four; the others are ignored.
func (m *Message) Transport() (uint8, error) { return m.firstOfFour(AttrRequestedTransport) }

// Family returns the family in REQUESTED-ADDRESS-FAMILY or
// ADDITIONAL-ADDRESS-FAMILY, as it stands there: 1 is IPv4 and 2 is IPv6, and
// which of them are good where is the caller's to say. The errors are those of
// Uint32.
//
// R-8656-18.1-a (RFC 8656, 18.6, 18.11): one byte of four; the others are ignored.
func (m *Message) Family(t AttrType) (uint8, error) { return m.firstOfFour(t) }

func (m *Message) firstOfFour(t AttrType) (uint8, error) {
	v, err := m.fixed(t, 4)
	if err != nil {
		return 0, err
	}
	return v[0], nil
}

// EvenPort says whether EVEN-PORT wants the next port reserved. The errors are
// those of Uint32.
//
// R-8656-18.1-a (RFC 8656, 18.7): one byte, of which only the top bit counts.
func (m *Message) EvenPort() (reserve bool, err error) {
	v, err := m.fixed(AttrEvenPort, 1)
	if err != nil {
		return false, err
	}
	return v[0]&0x80 != 0, nil
}

// ReservationToken returns the token in RESERVATION-TOKEN. The errors are those
// of Uint32.
//
// R-8656-18.1-a (RFC 8656, 18.10): eight bytes, no more and no less.
func (m *Message) ReservationToken() (token [8]byte, err error) {
	v, err := m.fixed(AttrReservationToken, len(token))
	if err != nil {
		return token, err
	}
	return [8]byte(v), nil
}

// AddTransport appends REQUESTED-TRANSPORT with a protocol number.
func (b *Builder) AddTransport(protocol uint8) {
	b.AddUint32(AttrRequestedTransport, uint32(protocol)<<24)
}

// AddFamily appends REQUESTED-ADDRESS-FAMILY or ADDITIONAL-ADDRESS-FAMILY with 1
// for IPv4 or 2 for IPv6.
func (b *Builder) AddFamily(t AttrType, family uint8) { b.AddUint32(t, uint32(family)<<24) }

// AddEvenPort appends EVEN-PORT, with the bit that asks for a reservation of the
// next port or without.
func (b *Builder) AddEvenPort(reserve bool) {
	if dst := b.grow(AttrEvenPort, 1); dst != nil && reserve {
		dst[0] = 0x80
	}
}

// AddAddressError appends ADDRESS-ERROR-CODE: why there is no relayed address
// of that family, 1 or 2 (RFC 8656 section 18.12). Code and reason are treated
// as by AddError.
func (b *Builder) AddAddressError(family uint8, code int, reason string) {
	b.addError(AttrAddressErrorCode, family, code, reason)
}

// AddressError returns what ADDRESS-ERROR-CODE holds. The errors are those of
// ErrorCode.
func (m *Message) AddressError() (family uint8, code int, reason string, err error) {
	v, ok := m.Get(AttrAddressErrorCode)
	if !ok {
		return 0, 0, "", ErrNoAttribute
	}
	if code, reason, err = decodeError(v); err != nil {
		return 0, 0, "", err
	}
	return v[0], code, reason, nil
}
