package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"iceserver/internal/config"
	"iceserver/internal/doctor"
	"iceserver/internal/server"
)

// statusCommand asks a running server how it is.
func statusCommand() *cobra.Command {
	var s selection
	return s.define(&cobra.Command{
		Use: "status", Short: "Tell how the running server is, and what to do about it", Args: cobra.NoArgs,
		Long: "Tell how the running server is: what it serves and to whom, what it has relayed, refused and dropped since its start, " +
			"and what its operator ought to do now.\n\n" +
			"The exit code is 0 while it serves, drained too, and 1 when no server answers. What takes a look at the machine is for iceserver doctor.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.whatever()
			if err != nil {
				return err
			}
			st, err := server.Options{}.Status(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			if s.json {
				return printJSON(cmd.OutOrStdout(), st)
			}
			return printStatus(cmd.OutOrStdout(), st, time.Now())
		},
	})
}

// whatever is load for a command that only has to find the server. It runs whatever
// mistakes somebody has made in its file since, and to ask it is how to notice.
func (s *selection) whatever() (*config.Config, error) {
	if c := s.installed(); c != nil {
		return c.before(s.flags(), io.Discard)
	}
	cfg, _, err := readConfig(plainName(s.file), s.flags(), nil)
	return cfg, err
}

// The form of a status for people: a label, and behind it text that is broken where
// a terminal ends.
const (
	statusLabel = 15
	statusWidth = 80
)

// statusText is a status for people that is being written.
type statusText struct{ strings.Builder }

// line writes what there is to say under a label. Parts that are empty are left out,
// and without any the line is.
func (b *statusText) line(label string, parts ...string) {
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	if len(parts) > 0 {
		b.fill(fmt.Sprintf("%-*s", statusLabel, label), strings.Join(parts, ", "))
	}
}

// fill writes words behind a head, and below each other where they do not fit. What
// may come from elsewhere, as a name in a certificate, writes no lines of its own.
func (b *statusText) fill(head, text string) {
	words := strings.Fields(text)
	for i, word := range words {
		words[i] = shown(word)
	}
	b.WriteString(doctor.Fold(head+strings.Join(words, " "), statusWidth, statusLabel) + "\n")
}

// printStatus writes a status for people.
func printStatus(w io.Writer, st *server.Status, now time.Time) error {
	b := new(statusText)
	b.line(st.State, "iceserver "+st.Version, "process "+strconv.Itoa(st.PID), fmt.Sprintf("since %s (%s)", when(st.Since), lasting(now.Sub(st.Since))))
	b.serving(st)
	b.letIn(st)
	for _, c := range st.Certificates {
		until := fmt.Sprintf("until %s (%s)", c.NotAfter.Format(time.DateOnly), remaining(c.NotAfter.Sub(now)))
		if !c.Renewal.IsZero() {
			until += ", renewed by " + c.Renewal.Format(time.DateOnly)
		}
		b.line("certificate", fmt.Sprintf("%s by %s", few(c.Names), c.Issuer), until)
	}
	b.carried(st)
	b.hints(st.Hints)
	_, err := io.WriteString(w, b.String())
	return err
}

// serving writes what is served where.
func (b *statusText) serving(st *server.Status) {
	c := st.Configuration
	b.line("configuration", cmp.Or(c.File, "no file"), "read "+when(c.Read))
	b.line("listens", listening(st)...)
	for _, e := range st.External {
		if e.Address == e.Relay {
			b.line("relays from", e.Address.String())
		} else {
			b.line("relays from", fmt.Sprintf("%v, told as %v by %s", e.Relay, e.Address, e.From))
		}
	}
	if m := st.AddressChange; m != nil {
		b.line("address", fmt.Sprintf("changed %s from %s to %s", when(m.At), joined(m.Before), joined(m.Now)))
	}
}

// letIn writes who may use the relay.
func (b *statusText) letIn(st *server.Status) {
	u := st.Users
	realms := ""
	if len(st.OtherRealms) > 0 {
		realms = "and " + few(st.OtherRealms)
	}
	b.line("realm", st.Realm, realms)
	if u.Anybody {
		b.line("users", "everybody (no-auth)")
	} else {
		b.line("users", fmt.Sprintf("%d configured", u.Configured), times(u.Secrets, "secret"))
	}
	if d := st.Database; d != nil && d.Answers {
		b.line("database", d.Name+" answers")
	} else if d != nil {
		b.line("database", d.Name+" does not answer since "+when(d.Since))
	}
}

// carried writes what was done.
func (b *statusText) carried(st *server.Status) {
	a := st.Allocations
	now := []string{fmt.Sprintf("%d now", a.Now)}
	if a.Now > 0 {
		now[0] += " of " + times(st.Users.Active, "user")
	}
	for _, transport := range slices.Sorted(maps.Keys(a.ByTransport)) {
		if n := a.ByTransport[transport]; n > 0 {
			now = append(now, fmt.Sprintf("%d over %s", n, transport))
		}
	}
	b.line("allocations", append(now, fmt.Sprintf("%d since the start", a.Total))...)
	t := st.Traffic
	b.line("traffic", fmt.Sprintf("in %d packets (%s)", t.PacketsIn, amount(t.BytesIn)), fmt.Sprintf("out %d packets (%s)", t.PacketsOut, amount(t.BytesOut)))
	var refused, dropped []string
	for _, r := range st.Refusals {
		refused = append(refused, fmt.Sprintf("%d %s (%d)", r.Count, r.Cause, r.Code))
	}
	for _, reason := range slices.Sorted(maps.Keys(st.Drops)) {
		dropped = append(dropped, fmt.Sprintf("%d %s", st.Drops[reason], reason))
	}
	b.line("refused", refused...)
	b.line("dropped", dropped...)
	b.line("relayed ports", fmt.Sprintf("%d of %d in use", st.RelayPorts.Used, st.RelayPorts.Total))
	b.line("engine", st.Engine, times(st.Workers, "worker"), offloaded(st.Offload))
	if st.BannedSources > 0 {
		b.line("banned", times(st.BannedSources, "source"))
	}
	b.line("self-test", st.SelfTest.Result)
}

// hints writes what to do, in the form that the doctor has.
func (b *statusText) hints(all []doctor.Check) {
	if len(all) > 0 {
		b.WriteByte('\n')
	}
	for _, c := range all {
		b.fill(fmt.Sprintf("%-*s", statusLabel, c.Status), c.Name+": "+c.Seen)
		if c.Advice != "" {
			b.fill(fmt.Sprintf("%*s", statusLabel, "-> "), c.Advice)
		}
	}
}

// listening are the ports by transport; those at the same addresses together.
func listening(st *server.Status) []string {
	ports, addresses := map[string][]string{}, map[string][]string{}
	var names []string
	for _, l := range st.Listeners {
		name := l.Transport + " " + strconv.Itoa(int(l.Address.Port()))
		if addresses[name] == nil {
			names = append(names, name)
		}
		addresses[name] = append(addresses[name], l.Address.Addr().String())
	}
	var at []string
	for _, name := range names {
		where := few(addresses[name])
		if ports[where] == nil {
			at = append(at, where)
		}
		ports[where] = append(ports[where], name)
	}
	for i, where := range at {
		at[i] = strings.Join(ports[where], ", ") + " at " + where
	}
	return at
}

// few lists the first of many names.
func few(names []string) string {
	const most = 4
	if len(names) > most {
		return strings.Join(names[:most-1], ", ") + fmt.Sprintf(" and %d more", len(names)-most+1)
	}
	return strings.Join(names, ", ")
}

func joined(list []netip.Addr) string {
	var names []string
	for _, a := range list {
		names = append(names, a.String())
	}
	return few(names)
}

// offloaded says which shortcuts of the kernel are in use.
func offloaded(all map[string]bool) string {
	var on []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] {
			on = append(on, name)
		}
	}
	if len(on) == 0 {
		return "without offload"
	}
	return "with " + strings.Join(on, ", ")
}

// times is a number with its noun.
func times(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// when is a time as people here read it.
func when(t time.Time) string { return t.Local().Format(time.DateTime) }

// lasting is a duration in the two units that matter.
func lasting(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(d, 0)/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/day)
}

// remaining is how long something is good for still.
func remaining(d time.Duration) string {
	if d < 0 {
		return "expired"
	}
	return lasting(d)
}
