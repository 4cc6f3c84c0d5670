package stun

import (
	"encoding/binary"
	"net/netip"
)

// The channel numbers of RFC 8656 section 12, and the length of a ChannelData
// header in bytes.
const (
	MinChannel        = 0x4000
	MaxChannel        = 0x4FFF
	ChannelHeaderSize = 4
)

// ParseChannelData takes a ChannelData message apart (RFC 8656 section 12.4).
// Bytes behind the data are padding and are let through, as over UDP there may
// be some. The data is the caller's own bytes. The errors are ErrShort when
// fewer bytes came than the length says, and ErrChannel for a number outside
// MinChannel to MaxChannel.
//
// R-8656-12.4-a (RFC 8656, 12.4): no data at all is legal.
// R-8656-12.6-a (RFC 8656, 12.6): reserved numbers and short datagrams are errors.
func ParseChannelData(b []byte) (number uint16, data []byte, err error) {
	if len(b) < ChannelHeaderSize {
		return 0, nil, ErrShort
	}
	number = binary.BigEndian.Uint16(b)
	if number < MinChannel || number > MaxChannel {
		return 0, nil, ErrChannel
	}
	end := ChannelHeaderSize + int(binary.BigEndian.Uint16(b[2:]))
	if end > len(b) {
		return 0, nil, ErrShort
	}
	return number, b[ChannelHeaderSize:end:end], nil
}

// PutChannelHeader writes a ChannelData header to the first ChannelHeaderSize
// bytes of dst. length is that of the data, 0 to 65535 bytes, without padding.
func PutChannelHeader(dst []byte, number uint16, length int) {
	binary.BigEndian.PutUint16(dst, number)
	binary.BigEndian.PutUint16(dst[2:], uint16(length))
}

// PutDataHeader writes all of a Data indication that comes before its data to
// dst: message header, XOR-PEER-ADDRESS and the header of DATA. It returns the
// number of bytes written, 36 for an IPv4 peer and 48 for an IPv6 one, or 0 if
// a message cannot hold dataLen bytes of data. The caller puts the data behind
// it and pads it with zeros to a multiple of four bytes, which the length field
// already counts.
func PutDataHeader(dst []byte, id TransactionID, peer netip.AddrPort, dataLen int) int {
	size := addressSize(peer)
	length := attrHeaderSize + size + attrHeaderSize + padded(dataLen)
	if dataLen < 0 || length > maxAttributes {
		return 0
	}
	putHeader(dst, MethodData, ClassIndication, length, id)
	off := HeaderSize
	putAttrHeader(dst[off:], AttrXORPeerAddress, size)
	off += attrHeaderSize
	encodeAddress(dst[off:], peer, xorMask(id))
	off += size
	putAttrHeader(dst[off:], AttrData, dataLen)
	return off + attrHeaderSize
}

func putAttrHeader(dst []byte, t AttrType, n int) {
	binary.BigEndian.PutUint16(dst, uint16(t))
	binary.BigEndian.PutUint16(dst[2:], uint16(n))
}
