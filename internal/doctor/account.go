package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"iceserver/internal/auth"
	"iceserver/internal/config"
	"iceserver/internal/turn"
)

// timedName begins with a time as a time-limited name does.
var timedName = regexp.MustCompile(`^[0-9]{9,10}([^0-9]|$)`)

// checkAccount looks whether somebody can log in and relay: a certain user if there
// is a name, else whoever is let in.
func checkAccount(ctx context.Context, t *Target) []Check {
	const name = "account"
	switch {
	case t.STUNOnly:
		return []Check{ok(name, "stun-only: there is no relay to log in for")}
	case t.NoAuth:
		open := warn(name, "no-auth: everybody may send through this server", "take no-auth out of "+cmp.Or(t.ConfigFile, "the flags of the server")+", unless that is what you want")
		return append([]Check{open}, t.relays(ctx)...)
	// A name that a secret vouches for stands in no database.
	case t.Account.User != "" && t.UserExists != nil && t.Account.From == "" && !timedName.MatchString(t.Account.User):
		if known, err := t.UserExists(ctx, t.Account.User); err == nil && !known {
			return []Check{t.missingUser(ctx)}
		}
	}
	switch {
	case t.Account.Password == "":
		return t.noLogin(ctx)
	case !t.Running:
		return nil // there is nobody to log in to
	}
	return t.relays(ctx)
}

// missingUser names a user that does not exist and the command that makes it.
func (t *Target) missingUser(ctx context.Context) Check {
	seen := fmt.Sprintf("there is no user %q in realm %q", t.Account.User, t.Realm)
	if t.AskDatabase != nil {
		if a, err := t.AskDatabase(ctx); err == nil && a.Users == 0 && a.Elsewhere > 0 {
			seen += fmt.Sprintf("; the database has users of realm %q only", a.OtherRealm)
		}
	}
	words := []string{"user", "add", t.Account.User}
	c := fail("account", seen, "make it: "+t.commandLine(shellLine(words)))
	if t.AddUser == nil {
		return c
	}
	shown := append([]string{"iceserver"}, words...)
	if t.Account.Password != "" {
		// Not the password itself, which would stand in somebody's scroll-back.
		shown = append(shown, "--password", "-")
	}
	return c.with(remedy{command: shown, do: func(ctx context.Context) (string, error) {
		made, err := t.AddUser(ctx, t.Account.User, t.Account.Password)
		if made != "" {
			made = "password: " + made
		}
		return made, err
	}})
}

// noLogin says why nothing is known to log in with. That nobody at all is let in
// is the mistake; that a doctor does not know a password is none.
func (t *Target) noLogin(ctx context.Context) []Check {
	const name = "account"
	if t.AskDatabase == nil {
		if !t.Running {
			return nil // whose first start makes an account
		}
		return []Check{warn(name, "nothing is known to log in with", "give --user and --password")}
	}
	a, err := t.AskDatabase(ctx)
	all := a.Configured + a.Users + a.Secrets
	switch {
	case err != nil && !t.Running:
		return nil // which the check of the database tells
	case err != nil:
		return []Check{warn(name, "nobody can tell who is let in: "+oneLine(err), "call this as the owner of the data directory, or give --user and --password")}
	case all == 0 && a.Elsewhere > 0:
		return []Check{fail(name, fmt.Sprintf("nobody can log in: realm %q has no user, and the database has users of realm %q only", t.Realm, a.OtherRealm),
			fmt.Sprintf("write realm=%s to %s, or make users of this realm: %s", a.OtherRealm, t.configuration(), t.commandLine("user add NAME")))}
	case all == 0:
		return []Check{fail(name, fmt.Sprintf("nobody can log in: there is neither a user nor a shared secret in realm %q", t.Realm),
			"make a user: "+t.commandLine("user add NAME"))}
	case t.Account.User != "" && !t.known(ctx):
		return []Check{ok(name, fmt.Sprintf("user %q stands in no database, as a time-limited name; whether the password is right is seen with --password", t.Account.User))}
	case t.Account.User != "":
		return []Check{ok(name, fmt.Sprintf("user %q exists in realm %q; whether the password is right is seen with --password", t.Account.User, t.Realm))}
	}
	return []Check{ok(name, fmt.Sprintf("%s and %s can log in; whether a password is right is seen with --user and --password",
		times(a.Configured+a.Users, "user"), times(a.Secrets, "shared secret")))}
}

// known says whether the user of the account stands somewhere.
func (t *Target) known(ctx context.Context) bool {
	if t.UserExists == nil {
		return true
	}
	known, err := t.UserExists(ctx, t.Account.User)
	return known || err != nil
}

// noticed is how long a server takes at most to notice a user who was added since
// it was last asked for that name.
const noticed = 2500 * time.Millisecond

// relays logs in as a client would, and relays a datagram.
func (t *Target) relays(ctx context.Context) []Check {
	s, relayed, err := t.allocate(ctx)
	if isRefused(err, 401) && t.fresh(ctx) {
		s, relayed, err = t.allocate(ctx)
	}
	if err == nil {
		defer s.close(ctx)
	}
	login := t.login(ctx, err)
	if err != nil {
		return login
	}
	return append(login, t.relayed(ctx, s, relayed))
}

// fresh says whether a user may be one that the server has not noticed yet, and
// waits until it has.
func (t *Target) fresh(ctx context.Context) bool {
	if t.UserExists == nil || t.Account.From != "" {
		return false
	}
	if known, err := t.UserExists(ctx, t.Account.User); err != nil || !known {
		return false
	}
	wait := time.NewTimer(noticed)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wait.C:
		return true
	}
}

// allocate logs in and allocates. Without an error the caller closes the session.
func (t *Target) allocate(ctx context.Context) (*session, netip.AddrPort, error) {
	s, err := t.dialIn(ctx)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	res, err := s.allocate(ctx, turn.NoFamily)
	if err != nil {
		s.close(ctx)
	}
	return s, res.Relayed, err
}

// login says what came of logging in.
func (t *Target) login(ctx context.Context, err error) []Check {
	const name = "account"
	who := fmt.Sprintf("user %q", t.Account.User)
	if t.Account.From != "" {
		who += " (" + t.Account.From + ")"
	}
	var refused *refusedError
	switch {
	case errors.As(err, &refused) && refused.Code == 401:
		return []Check{t.wrongPassword(ctx, who)}
	case errors.As(err, &refused):
		return []Check{fail("relay", who+": "+oneLine(err), explainedCode(refused.Code, t))}
	case err != nil:
		return nil // what does not answer is told of the listeners
	case t.NoAuth:
		return nil
	}
	return []Check{ok(name, who+" logs in")}
}

// wrongPassword says what to do about a credential that was refused.
func (t *Target) wrongPassword(ctx context.Context, who string) Check {
	const name = "account"
	if ends, timed := t.timeLimited(ctx); timed {
		return t.wrongTimed(ctx, who, ends)
	}
	advice := "set it anew: " + t.commandLine(shellLine([]string{"user", "set", t.Account.User}))
	if t.Config != nil && slices.ContainsFunc(t.Config.Users, func(u config.User) bool { return u.Name == t.Account.User }) {
		// It counts before the database, where nothing can be set for that name.
		advice = "the password stands in " + cmp.Or(t.ConfigFile, "the flags of the server") + ", at user=" + t.Account.User + ": give clients that one, or change it there and then: " + t.reloadCommand()
	}
	return fail(name, who+" cannot log in: the password is not the one that the server knows", advice)
}

// wrongTimed is the same for a time-limited credential, whose user stands nowhere.
func (t *Target) wrongTimed(ctx context.Context, who string, ends time.Time) Check {
	const name = "account"
	mint := t.commandLine("credentials")
	if ago := time.Since(ends); ago > 0 {
		return fail(name, fmt.Sprintf("%s cannot log in: its time was over at %s, %v ago", who, ends.UTC().Format(time.RFC3339), ago.Round(time.Second)),
			"have a new one made, as "+mint+" does; if it is new, the clock of who made it is wrong")
	}
	if t.AskDatabase != nil {
		if a, err := t.AskDatabase(ctx); err == nil && a.Secrets == 0 {
			return fail(name, who+" cannot log in: the name is a time-limited one, and the server knows no shared secret",
				"write use-auth-secret and static-auth-secret=SECRET to "+t.configuration()+", with the secret of who makes the credentials")
		}
	}
	return fail(name, who+" cannot log in: the password was not made with a shared secret that the server knows",
		"give the server's secret (static-auth-secret) to who makes the credentials; "+mint+" makes one that is right")
}

// timeLimited says when the time of the account ends, if its name has one in it and
// is no user's.
func (t *Target) timeLimited(ctx context.Context) (ends time.Time, timed bool) {
	name := t.Account.User
	if !timedName.MatchString(name) {
		return time.Time{}, false
	}
	if t.UserExists != nil && t.known(ctx) {
		return time.Time{}, false
	}
	ends, _, err := auth.REST{Separator: separator(name)}.Parse(name)
	return ends, err == nil
}

// explainedCode says what to change where an allocation is refused to who was let
// in.
func explainedCode(code int, t *Target) string {
	switch code {
	case 440:
		return "write allocation-default-address-family=keep to " + t.configuration() + ": clients name no family, and this server relays in the other one than it gives by default"
	case 486:
		return "raise user-quota or total-quota in " + t.configuration()
	case 508:
		return fmt.Sprintf("no relayed port could be opened: widen min-port and max-port in %s, or see what has the ports: ss -lunp", t.configuration())
	}
	return "the log of the server says why"
}

// own is the address of this machine where a listener answers: where all are
// bound, any of them.
func own(a netip.AddrPort) netip.AddrPort {
	if !a.Addr().IsUnspecified() {
		return a
	}
	if a.Addr().Is4() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), a.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Loopback(), a.Port())
}

// dialIn connects to the server by the first transport that it has, to log in.
func (t *Target) dialIn(ctx context.Context) (*session, error) {
	var errs []error
	for _, e := range t.endpoints() {
		e.username, e.password = t.Account.User, t.Account.Password
		s, err := dial(ctx, e)
		if err == nil {
			if _, err = s.binding(ctx); err == nil || isRefusal(err) {
				return s, nil
			}
			s.close(ctx)
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil, errors.New("it listens nowhere")
	}
	return nil, errs[0]
}

// isRefusal says whether a server answered, if only to refuse.
func isRefusal(err error) bool {
	var refused *refusedError
	return errors.As(err, &refused)
}

// endpoints are all that the server listens on, of each transport.
func (t *Target) endpoints() []endpoint {
	var out []endpoint
	for _, l := range []struct {
		proto turn.Proto
		at    []netip.AddrPort
	}{{turn.UDP, t.Listen.UDP}, {turn.TCP, t.Listen.TCP}, {turn.TLS, t.Listen.TLS}, {turn.DTLS, t.Listen.DTLS}} {
		for _, a := range l.at {
			// The certificate is looked at by a check of its own.
			out = append(out, endpoint{proto: l.proto, server: own(a), name: t.Host, insecure: true})
		}
	}
	return out
}
