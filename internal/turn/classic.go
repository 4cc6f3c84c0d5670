package turn

import (
	"encoding/binary"
	"errors"
	"slices"

	"iceserver/internal/stun"
)

// classic answers a message in the old format of RFC 3489, which has no magic
// cookie. It says false for what is to be dropped as malformed, which over
// every transport but DTLS is all of it (R-8656-5-j, X3).
//
// R-8489-11-a, R-7350-3-a (RFC 8489, 11; RFC 7350, 3): over DTLS a request gets a
// 500. Its transaction id has 128 bits, so the answer repeats the four bytes in
// the place of the cookie, or the client would not know it for one.
func (s *Server) classic(now Now, from FiveTuple, pkt []byte, err error, out *Outbox) bool {
	if from.Proto != DTLS || !errors.Is(err, stun.ErrCookie) {
		return false
	}
	modern := slices.Clone(pkt)
	binary.BigEndian.PutUint32(modern[4:], stun.MagicCookie)
	m, err := stun.Parse(modern)
	if err != nil || m.Class != stun.ClassRequest {
		return false
	}
	r := &request{from: from, msg: m, realm: s.o.Realm}
	if s.answerable(now, from, false, out) {
		b := stun.NewBuilder(nil, m.Method, stun.ClassError, m.ID)
		b.AddError(500, "")
		copy(b.Bytes()[4:8], pkt[4:8])
		s.answer(r, b.Bytes(), out)
		s.tellRefusal(r, 500, CauseBadRequest, out)
	}
	return true
}
