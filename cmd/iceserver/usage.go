package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"iceserver/internal/server"
)

// usageCommand shows what users did, day by day.
func usageCommand() *cobra.Command {
	var s selection
	var f server.UsageFilter
	var asCSV bool
	cmd := &cobra.Command{
		Use: "usage", Short: "Show what users did, day by day (UTC)", Args: cobra.NoArgs,
		Example: "  iceserver usage --user alice --from 2026-05-01 --to 2026-05-31 --csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			f.Realm = s.realm
			list, err := server.FindUsage(cmd.Context(), cfg, s.file, f)
			if err != nil {
				return err
			}
			switch out := cmd.OutOrStdout(); {
			case s.json:
				return printJSON(out, list)
			case asCSV:
				return writeUsage(out, list)
			default:
				return printUsage(out, list)
			}
		},
	}
	s.define(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.User, "user", "", "one user `NAME` alone")
	flags.StringVar(&f.From, "from", "", "first `DAY`, as 2026-05-01")
	flags.StringVar(&f.To, "to", "", "last `DAY`")
	flags.BoolVar(&asCSV, "csv", false, "print CSV")
	cmd.MarkFlagsMutuallyExclusive("csv", "json")
	return cmd
}

const usageColumns = "day,realm,user,allocations,minutes,sent_packets,sent_bytes,received_packets,received_bytes"

func usageFields(u server.Usage) []string {
	fields := []string{u.Day, u.Realm, u.User}
	for _, n := range []uint64{u.Allocations, u.Minutes, u.SentPackets, u.SentBytes, u.RecvPackets, u.RecvBytes} {
		fields = append(fields, strconv.FormatUint(n, 10))
	}
	return fields
}

// writeUsage writes CSV with a line of titles. A name that a spreadsheet would
// take for a formula is written as text.
func writeUsage(out io.Writer, list []server.Usage) error {
	w := csv.NewWriter(out)
	if err := w.Write(strings.Split(usageColumns, ",")); err != nil {
		return err
	}
	for _, u := range list {
		fields := usageFields(u)
		fields[1], fields[2] = plainCell(u.Realm), plainCell(u.User)
		if err := w.Write(fields); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func plainCell(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] < ' ') {
		return "'" + s
	}
	return s
}

// printUsage writes a table with the sum at its end.
func printUsage(out io.Writer, list []server.Usage) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "Nothing was relayed then. A running server writes down once a minute.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "DAY\tREALM\tUSER\tALLOCATIONS\tMINUTES\tSENT\tRECEIVED")
	sum := server.Usage{Day: "all"}
	row := func(u server.Usage) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\t%s\n", u.Day, cell(u.Realm), cell(u.User), u.Allocations, u.Minutes, amount(u.SentBytes), amount(u.RecvBytes))
	}
	for _, u := range list {
		row(u)
		sum.Allocations += u.Allocations
		sum.Minutes += u.Minutes
		sum.SentBytes += u.SentBytes
		sum.RecvBytes += u.RecvBytes
	}
	if len(list) > 1 {
		row(sum)
	}
	return w.Flush()
}

// cell keeps a name from a client in its cell, whatever is in it.
func cell(name string) string {
	if q := strconv.Quote(name); q != `"`+name+`"` {
		return q
	}
	return name
}

// amount writes bytes as people read them.
func amount(n uint64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < len("kMGTPE")-1 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGTPE"[prefix])
}
