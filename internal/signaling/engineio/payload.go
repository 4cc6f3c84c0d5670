package engineio

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// separator stands between the packets of a version 4 payload.
const separator = 0x1e

// Marks of the binary payload of version 3.
const (
	payloadText   = 0
	payloadBinary = 1
	lengthEnd     = 0xff
)

// longestLength bounds the digits of a length in a version 3 payload, so that
// no number overflows and no client makes us read digits for ever.
const longestLength = 9

// decodePayload takes the body of a POST apart, in one pass.
//
// W-S1: the time is linear in the size of the body, and the number of packets
// has a bound, so many tiny packets cost no more than one big one.
func decodePayload(b []byte, r Revision, binary bool, limit int) ([]packet, error) {
	switch {
	case r == Revision4:
		return decodePayload4(b, limit)
	case binary:
		return decodeBytes3(b, limit)
	}
	return decodeText3(b, limit)
}

func decodePayload4(b []byte, limit int) ([]packet, error) {
	if bytes.Count(b, []byte{separator}) >= limit {
		return nil, errCount
	}
	var all []packet
	for more := true; more; {
		var one []byte
		one, b, more = bytes.Cut(b, []byte{separator})
		p, err := decodeText(one, Revision4)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// decodeText3 takes a text payload of version 3 apart: each packet has its
// length before it, counted as JavaScript counts.
func decodeText3(b []byte, limit int) ([]packet, error) {
	var all []packet
	for len(b) > 0 {
		if len(all) == limit {
			return nil, errCount
		}
		digits, _, ok := bytes.Cut(b[:min(len(b), longestLength+1)], []byte{':'})
		units, err := strconv.ParseUint(string(digits), 10, 31)
		if !ok || err != nil {
			return nil, errPayload
		}
		b = b[len(digits)+1:]
		n, ok := utf16Prefix(b, int(units))
		if !ok {
			return nil, errPayload
		}
		p, err := decodeText(b[:n], Revision3)
		if err != nil {
			return nil, err
		}
		all, b = append(all, p), b[n:]
	}
	return all, nil
}

// utf16Prefix returns how many bytes of b hold so many UTF-16 units.
func utf16Prefix(b []byte, units int) (n int, ok bool) {
	for units > 0 {
		r, size := utf8.DecodeRune(b[n:])
		if size == 0 || r == utf8.RuneError && size == 1 {
			return 0, false
		}
		n += size
		units -= utf16Units(r)
	}
	return n, units == 0
}

func utf16Units(r rune) int {
	if r > 0xffff {
		return 2
	}
	return 1
}

// decodeBytes3 takes a binary payload of version 3 apart: a mark, the length as
// one byte a digit, an end mark, the packet.
func decodeBytes3(b []byte, limit int) ([]packet, error) {
	var all []packet
	for len(b) > 0 {
		if len(all) == limit {
			return nil, errCount
		}
		mark, n := b[0], 0
		end := bytes.IndexByte(b[1:min(len(b), longestLength+2)], lengthEnd)
		if end < 1 || mark > payloadBinary {
			return nil, errPayload
		}
		for _, digit := range b[1 : 1+end] {
			if digit > 9 {
				return nil, errPayload
			}
			n = 10*n + int(digit)
		}
		b = b[end+2:]
		if n > len(b) {
			return nil, errPayload
		}
		decode := decodeText
		if mark == payloadBinary {
			decode = decodeBinary
		}
		p, err := decode(b[:n], Revision3)
		if err != nil {
			return nil, err
		}
		all, b = append(all, p), b[n:]
	}
	return all, nil
}

// encodePayload writes packets for the answer to a poll. Binary messages travel
// as base64 in both versions; every client reads that.
func encodePayload(all []packet, r Revision) []byte {
	size := 0
	for _, p := range all {
		size += len(p.data)*4/3 + longestLength + 4
	}
	b := make([]byte, 0, size)
	for i, p := range all {
		if r == Revision4 {
			if i > 0 {
				b = append(b, separator)
			}
			b = appendText(b, p, r)
			continue
		}
		one := appendText(nil, p, r)
		units := 0
		for _, c := range string(one) {
			units += utf16Units(c)
		}
		b = append(append(strconv.AppendInt(b, int64(units), 10), ':'), one...)
	}
	return b
}
