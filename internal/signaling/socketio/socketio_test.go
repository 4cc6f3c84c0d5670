package socketio

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// recorder is a link and a namespace that write down what happens.
type recorder struct {
	log    []string
	refuse error
}

func (r *recorder) Send(all ...Frame) {
	for _, f := range all {
		if f.Binary {
			r.log = append(r.log, fmt.Sprintf("send bytes %x", f.Data))
			continue
		}
		r.log = append(r.log, "send "+string(f.Data))
	}
}

func (r *recorder) Close() { r.log = append(r.log, "close") }

func (r *recorder) Connect(s *Socket, auth json.RawMessage) error {
	r.log = append(r.log, "connect "+string(auth))
	if r.refuse == nil {
		s.Welcome("sid1", "pid1")
	}
	return r.refuse
}

func (r *recorder) Event(s *Socket, e Event) {
	r.log = append(r.log, fmt.Sprintf("event %s %s %x", e.Name, array(e.Args...), e.Attachments))
	s.Ack(e.Ack, e.Args...)
	if len(e.Attachments) > 0 {
		s.Emit(s.Encode(e), "")
	}
	if e.Name == "out" {
		s.Disconnect()
	}
}

func (r *recorder) Disconnect(_ *Socket, left bool) {
	r.log = append(r.log, fmt.Sprint("disconnect ", left))
}

// talk opens a session and plays frames to it; "0x" begins one of bytes.
func talk(r *recorder, old bool, frames ...string) error {
	c := NewServer(map[string]Namespace{"/": r, "/side": r}).Open(r, old)
	for _, f := range frames {
		frame := Frame{Data: []byte(f)}
		if rest, ok := strings.CutPrefix(f, "0x"); ok {
			frame = Frame{Data: []byte(rest), Binary: true}
		}
		if err := c.Receive(frame); err != nil {
			c.Close(true)
			return err
		}
	}
	c.Close(false)
	return nil
}

func TestConversations(t *testing.T) {
	for _, c := range []struct {
		name   string
		old    bool
		frames []string
		want   string
	}{
		{"connect", false, []string{"0"}, `connect |send 0{"sid":"sid1","pid":"pid1"}|disconnect false`},
		{"connect with auth", false, []string{`0{"pid":"p"}`}, `connect {"pid":"p"}|send 0{"sid":"sid1","pid":"pid1"}|disconnect false`},
		{"other namespace", false, []string{`0/side,{"a":1}`, `2/side,7["e"]`, `1/side,`}, `connect {"a":1}|send 0/side,{"sid":"sid1","pid":"pid1"}|event e [] []|send 3/side,7[]|disconnect true`},
		{"unknown namespace", false, []string{"0/nope,"}, `send 4/nope,{"message":"Invalid namespace"}`},
		{"unknown namespace with a query", false, []string{"0/nope?a=b,"}, `send 4/nope,{"message":"Invalid namespace"}`},
		{"event", false, []string{"0", `2["e",1,{"a":[true]}]`}, `connect |send 0{"sid":"sid1","pid":"pid1"}|event e [1,{"a":[true]}] []|disconnect false`},
		{"acknowledged", false, []string{"0", `212["e","x"]`}, `connect |send 0{"sid":"sid1","pid":"pid1"}|event e ["x"] []|send 312["x"]|disconnect false`},
		{"bytes", false, []string{"0", `52-["e",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`, "0x\x01", "0x\x02"},
			`connect |send 0{"sid":"sid1","pid":"pid1"}|event e [{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}] [01 02]|send 52-["e",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]|send bytes 01|send bytes 02|disconnect false`},
		{"acknowledgement of ours", false, []string{"0", `31["x"]`, `61-1[{"_placeholder":true,"num":0}]`, "0x\x01"}, `connect |send 0{"sid":"sid1","pid":"pid1"}|disconnect false`},
		{"good-bye", false, []string{"0", "1"}, `connect |send 0{"sid":"sid1","pid":"pid1"}|disconnect true`},
		{"put out", false, []string{"0", `2["out"]`}, `connect |send 0{"sid":"sid1","pid":"pid1"}|event out [] []|send 1|close|disconnect false`},
		{"old", true, []string{`2["e"]`}, `connect |send 0|event e [] []|disconnect false`},
		{"old, unknown namespace", true, []string{"0/nope"}, `connect |send 0|send 4/nope,"Invalid namespace"|disconnect false`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &recorder{}
			if err := talk(r, c.old, c.frames...); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(r.log, "|"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	for old, want := range map[bool]string{false: `connect |send 4{"message":"no"}`, true: `connect |send 4"no"`} {
		r := &recorder{refuse: errors.New("no")}
		frames := []string{"0"}
		if old {
			frames = nil
		}
		if err := talk(r, old, frames...); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.log, "|"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// W-S4, W-S6: each of these ends the session, and the layer above sees no event.
func TestMalformed(t *testing.T) {
	for _, frames := range [][]string{
		{""}, {"7"}, {"x"}, {`2["e"]`},
		{"0", "0"}, {"0", "0[]"}, {"0", `0"x"`}, {"0", "1[]"},
		{"0", "2"}, {"0", "2{}"}, {"0", "2[]"}, {"0", "2[1]"}, {"0", "2[{}]"}, {"0", "2[null]"}, {"0", `2["e"`}, {"0", `2["e"]x`}, {"0", "2\x00[]"},
		{"0", `2["connect"]`}, {"0", `2["disconnect"]`}, {"0", `2["disconnecting"]`}, {"0", `2["newListener"]`}, {"0", `2["removeListener"]`}, {"0", `2["connect_error"]`},
		{"0", `2["` + strings.Repeat("n", 200) + `"]`},
		{"0", `2999999999999999999999999["e"]`}, {"0", `3["x"]`}, {"0", `31{}`}, {"0", `4{"message":"x"}`},
		{"0", `52147483648-["e",{"_placeholder":true,"num":0}]`}, {"0", `511-["e"]`}, {"0", `5-["e"]`}, {"0", `5["e"]`}, {"0", `5-1-["e"]`}, {"0", `5+1-["e"]`},
		{"0", `51-["e",{"_placeholder":true,"num":"splice"}]`, "0xa"}, {"0", `51-["e",{"_placeholder":true,"num":1}]`, "0xa"},
		{"0", `51-["e",{"_placeholder":true,"num":-1}]`, "0xa"}, {"0", `51-["e",{"_placeholder":true,"num":0.5}]`, "0xa"}, {"0", `51-["e",{"_placeholder":true}]`, "0xa"},
		{"0", `51-["e",{"_placeholder":true,"num":0}]`, `2["e"]`}, {"0", "0xa"},
		{"0", `2["e",` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `]`},
		{"0/" + strings.Repeat("n", 200) + ","},
	} {
		r := &recorder{}
		if err := talk(r, false, frames...); err == nil {
			t.Errorf("%.80q was accepted: %v", frames, r.log)
		}
		for _, line := range r.log {
			if strings.HasPrefix(line, "event") {
				t.Errorf("%.80q: %s", frames, line)
			}
		}
	}
}

// W-S6: what waits for the last attachment is no more than one message may be,
// whether it comes in few pieces or in ten.
func TestAttachmentsAreBounded(t *testing.T) {
	for _, pieces := range []int{2, 10} {
		for extra, want := range map[int]error{0: nil, 1: errAttachment} {
			frames := []string{"0", fmt.Sprintf(`5%d-["e"]`, pieces)}
			for range pieces {
				frames = append(frames, "0x"+strings.Repeat("x", longestAttachments/pieces+extra))
			}
			r := &recorder{}
			if err := talk(r, false, frames...); !errors.Is(err, want) {
				t.Errorf("%d pieces and %d bytes more: %v, want %v", pieces, extra, err, want)
			}
		}
	}
}

// W-S4, W-S5: names that are harmless here are ordinary events.
func TestHarmlessNames(t *testing.T) {
	for _, name := range []string{"error", "toString", "constructor", "__proto__", "hasOwnProperty", "message"} {
		r := &recorder{}
		if err := talk(r, false, "0", `2["`+name+`"]`); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: no frame makes the layer panic, and what it takes as a packet it
// would write the same way.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"0", `0{"pid":"x"}`, "0/admin,", "1", `2["e",1]`, `212["e",{"a":null}]`, `2/ns,3["e"]`, `31["x"]`, `52-["e",{"_placeholder":true,"num":0}]`,
		`61-1[{"_placeholder":true,"num":0}]`, `4{"message":"x"}`, `2["\ud800"]`, `51-/n?q=1,7["e"]`,
	} {
		f.Add([]byte(seed), []byte("bytes"))
	}
	f.Fuzz(func(t *testing.T, text, attachment []byte) {
		r := &recorder{}
		c := NewServer(map[string]Namespace{"/": r}).Open(r, false)
		_ = c.Receive(Frame{Data: []byte("0")})
		for _, frame := range []Frame{{Data: text}, {Data: attachment, Binary: true}} {
			if c.Receive(frame) != nil {
				break
			}
		}
		c.Close(false)
		p, err := decode(text)
		if err != nil {
			return
		}
		p.attachments = make([][]byte, p.announced)
		again, err := decode(p.encode())
		if err != nil || again.kind != p.kind || again.id != p.id || again.namespace != p.namespace || string(again.data) != string(p.data) {
			t.Errorf("%q became %+v, then %+v (%v)", text, p, again, err)
		}
	})
}

// A mark follows its event at once and is an event of its own, so that pages get
// the arguments that they always got; what was written once is not touched by it.
func TestMark(t *testing.T) {
	r := &recorder{}
	c := NewServer(map[string]Namespace{"/": r}).Open(r, false)
	if err := c.Receive(Frame{Data: []byte("0")}); err != nil {
		t.Fatal(err)
	}
	k := c.sockets["/"]
	event := k.Encode(Event{Name: "e", Args: []json.RawMessage{json.RawMessage(`{"_placeholder":true,"num":0}`)}, Attachments: [][]byte{{7}}})
	r.log = nil
	k.Emit(event, "#1")
	k.Emit(event, "")
	const alone = `send 51-["e",{"_placeholder":true,"num":0}]|send bytes 07`
	if got, want := strings.Join(r.log, "|"), alone+`|send 2["iceserver-mark","#1"]|`+alone; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
