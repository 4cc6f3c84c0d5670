package stun

import "encoding/binary"

// FrameSize returns how many bytes of a stream the next message takes, header
// and padding included, up to 65552. It needs the first four bytes of it and
// says ErrShort when there are fewer. ErrFrame means that the stream carries
// something else, or got out of step: there is no way on. Some HTTP methods, GET
// for one, look like ChannelData: whoever shares a port with HTTP must tell the
// two apart before.
//
// R-8489-5-g (RFC 8489, 5), A-C20: the sums are done in int, so that no length
// makes a frame look shorter than it is and sets its tail free as a message.
// R-8656-12-a, R-7983-7-a (RFC 8656, 12; RFC 7983, 7): the first byte decides,
// 0 to 3 for STUN and 64 to 127 for ChannelData: RFC 5766 had channel numbers up
// to 0x7FFF. Who takes none above 0x4FFF drops the message, but the stream is in
// step and goes on.
// R-8656-12.5-b (RFC 8656, 12.5): on a stream ChannelData is padded to whole
// words, which its length field does not count.
func FrameSize(b []byte) (n int, err error) {
	if len(b) < 4 {
		return 0, ErrShort
	}
	length := int(binary.BigEndian.Uint16(b[2:]))
	switch first := b[0]; {
	case first <= 3 && length%4 == 0:
		return HeaderSize + length, nil
	case first >= MinChannel>>8 && first < 0x80:
		return ChannelHeaderSize + padded(length), nil
	}
	return 0, ErrFrame
}
