package stun

import "encoding/binary"

// ChannelNumber returns the number in CHANNEL-NUMBER, in range or not. The
// errors are those of Uint32.
//
// R-8656-18.1-a (RFC 8656, 18.1): four bytes, of which the last two are for
// future use: ignored here and zero in AddChannelNumber.
func (m *Message) ChannelNumber() (uint16, error) {
	v, err := m.fixed(AttrChannelNumber, 4)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(v), nil
}

// AddChannelNumber appends CHANNEL-NUMBER.
func (b *Builder) AddChannelNumber(number uint16) {
	b.AddUint32(AttrChannelNumber, uint32(number)<<16)
}
