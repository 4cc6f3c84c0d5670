package stun

import "strconv"

// Method is the 12-bit method of a message.
type Method uint16

// The methods of RFC 8489 section 18.2, RFC 8656 section 17 and RFC 6062
// section 6.1.
const (
	MethodBinding           Method = 0x001
	MethodAllocate          Method = 0x003
	MethodRefresh           Method = 0x004
	MethodSend              Method = 0x006
	MethodData              Method = 0x007
	MethodCreatePermission  Method = 0x008
	MethodChannelBind       Method = 0x009
	MethodConnect           Method = 0x00A
	MethodConnectionBind    Method = 0x00B
	MethodConnectionAttempt Method = 0x00C
)

// String returns the registered name, or the number of an unknown method in
// hexadecimal.
func (m Method) String() string {
	names := [...]string{
		MethodBinding:           "Binding",
		MethodAllocate:          "Allocate",
		MethodRefresh:           "Refresh",
		MethodSend:              "Send",
		MethodData:              "Data",
		MethodCreatePermission:  "CreatePermission",
		MethodChannelBind:       "ChannelBind",
		MethodConnect:           "Connect",
		MethodConnectionBind:    "ConnectionBind",
		MethodConnectionAttempt: "ConnectionAttempt",
	}
	if int(m) < len(names) && names[m] != "" {
		return names[m]
	}
	return "0x" + strconv.FormatUint(uint64(m), 16)
}

// Class says what part a message has in a transaction.
type Class uint8

// The classes of RFC 8489 section 5.
const (
	ClassRequest    Class = 0
	ClassIndication Class = 1
	ClassSuccess    Class = 2
	ClassError      Class = 3
)

// String returns the word used in logs.
func (c Class) String() string {
	return [...]string{"request", "indication", "success", "error"}[c&3]
}
