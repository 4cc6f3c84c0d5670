// Package doctor says what is wrong with a server, and what to do about it.
//
// Knows: how to ask a server, this one or one far away, as a client does; how to
// read what this machine tells about itself. Does not know: the insides of the
// running server, which tells about itself as Facts. Owns: nothing that lives on
// after a call. It changes something only in Report.Fix.
package doctor
