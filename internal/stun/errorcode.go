package stun

import "unicode/utf8"

// maxReason is the longest reason phrase sent, in characters.
const maxReason = 127

// maxReasonBytes is the longest reason phrase accepted, in bytes (RFC 8489
// section 14.8).
const maxReasonBytes = 763

// serverError is the code sent in place of a number that no error code has.
const serverError = 500

// ErrorCode returns the code, 300 to 699, and the reason phrase of ERROR-CODE.
// The errors are ErrNoAttribute, and ErrAttribute for a value that is too
// short or too long or a code out of range. The phrase is the peer's: it may
// hold anything.
func (m *Message) ErrorCode() (code int, reason string, err error) {
	v, ok := m.Get(AttrErrorCode)
	if !ok {
		return 0, "", ErrNoAttribute
	}
	return decodeError(v)
}

// decodeError reads class, number and phrase from bytes 2, 3 and those behind.
//
// R-8489-14.8-b (RFC 8489, 14.8): class 3 to 6, number 0 to 99; the reserved
// bits are ignored.
func decodeError(v []byte) (code int, reason string, err error) {
	if len(v) < 4 || len(v) > 4+maxReasonBytes {
		return 0, "", ErrAttribute
	}
	class, number := int(v[2]&7), int(v[3])
	if class < 3 || class > 6 || number > 99 {
		return 0, "", ErrAttribute
	}
	return class*100 + number, string(v[4:]), nil
}

// AddError appends ERROR-CODE. A code outside 300 to 699 is sent as 500. The
// reason may be empty; it is cut before the first NUL or byte that is not UTF-8
// and after 127 characters.
func (b *Builder) AddError(code int, reason string) {
	b.addError(AttrErrorCode, 0, code, reason)
}

// addError writes an error whose first byte is first.
//
// R-8489-14.8-b (RFC 8489, 14.8): the length counts the phrase alone, without a
// terminator or padding; the reserved bits are zero.
func (b *Builder) addError(t AttrType, first byte, code int, reason string) {
	if code < 300 || code > 699 {
		code = serverError
	}
	reason = clipReason(reason)
	dst := b.grow(t, 4+len(reason))
	if dst == nil {
		return
	}
	dst[0], dst[2], dst[3] = first, byte(code/100), byte(code%100)
	copy(dst[4:], reason)
}

func clipReason(s string) string {
	chars := 0
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if r == 0 || r == utf8.RuneError && size == 1 || chars == maxReason {
			return s[:i]
		}
		chars++
	}
	return s
}

// ErrorPhrase is what the standards call an error code (RFC 8489 section 14.8, RFC
// 8656 section 19), or empty for one that is not known here.
func ErrorPhrase(code int) string {
	switch code {
	case 300:
		return "Try Alternate"
	case 400:
		return "Bad Request"
	case 401:
		return "Unauthenticated"
	case 403:
		return "Forbidden"
	case 420:
		return "Unknown Attribute"
	case 437:
		return "Allocation Mismatch"
	case 438:
		return "Stale Nonce"
	case 440:
		return "Address Family not Supported"
	case 441:
		return "Wrong Credentials"
	case 442:
		return "Unsupported Transport Protocol"
	case 443:
		return "Peer Address Family Mismatch"
	case 486:
		return "Allocation Quota Reached"
	case 500:
		return "Server Error"
	case 508:
		return "Insufficient Capacity"
	}
	return ""
}
