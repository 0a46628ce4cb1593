package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore/export"
)

const exportHelp = `Write events to a file that proves itself: whoever has it and the public key can check, with duolog verify-export and
nothing else, that each event was in the log as it stands there, and that none of the file is missing.

A line is an event (CloudEvents). It carries its sealed bytes, the key that opens it and no other, and its path to a
signed head. Of people who were erased only the sealed bytes are left. The file holds personal data: treat it so.
The export is an act in the log, with you and the reason.

With --contact the file holds all that contact history shows, the acts that name the contact (verdicts, holds, who looked
at it, exports). Bodies that could not be read are in that of the whole log alone.`

func (c *cli) export() *cobra.Command {
	var contact, from, to, out, reason string
	var sealed bool
	cmd := &cobra.Command{
		Use: "export", Short: "Write events to a file that proves itself", Long: exportHelp, Args: none,
		Example: "  duolog export --out log.ndjson --reason \"yearly audit\"\n" +
			"  duolog export --contact jane.cooper@example.com --out jane.ndjson --reason CASE-7",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if reason == "" {
				return hint(usage("an export needs a reason"), "--reason says why; it stays in the log")
			}
			o := app.ExportOptions{Sealed: sealed}
			var err error
			if o.Since, o.Until, err = c.period(ctx, a, from, to); err != nil {
				return err
			}
			if contact != "" {
				k, err := findOne(ctx, a, contact)
				if err != nil {
					return err
				}
				o.Contact = k.ID
			}
			m := c.meter("export", "events")
			o.Progress = m.set
			sum, err := c.writeExport(out, func(w io.Writer) (export.Summary, error) {
				return a.Export(ctx, w, o, by(a, reason))
			})
			m.done()
			if err != nil {
				return err
			}
			c.note("%s written, %s can be read, %s of people who were erased. Public key: %s\n", plural(sum.Events, "event"),
				number(sum.Disclosed), number(sum.Erased), a.PublicKey())
			return nil
		}),
	}
	cmd.Flags().StringVar(&contact, "contact", "", "only what is about one CONTACT")
	cmd.Flags().StringVar(&from, "from", "", "only what was recorded from this time on")
	cmd.Flags().StringVar(&to, "to", "", "only what was recorded before this time")
	cmd.Flags().StringVar(&out, "out", "", "file to write, which must not exist yet; standard output when left out")
	cmd.Flags().BoolVar(&sealed, "sealed", false, "give no keys away: that events are there can be shown, and not read")
	reasonFlag(cmd, &reason)
	return cmd
}

// period reads two times, either of which may be left out.
func (c *cli) period(ctx context.Context, a *app.App, from, to string) (since, until time.Time, err error) {
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return since, until, err
	}
	if from != "" {
		if since, err = parseTime(from, zone); err != nil {
			return since, until, err
		}
	}
	if to != "" {
		if until, err = parseTime(to, zone); err != nil {
			return since, until, err
		}
	}
	if from != "" && to != "" && !until.After(since) {
		return since, until, usage("--to is not after --from")
	}
	return since, until, nil
}

// writeExport has the file written, for this user only; one cut short does not stay.
func (c *cli) writeExport(path string, write func(io.Writer) (export.Summary, error)) (sum export.Summary, err error) {
	if path == "" {
		out := bufio.NewWriter(c.out)
		sum, err = write(out)
		return sum, errors.Join(err, out.Flush())
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return sum, fmt.Errorf("write the export: %w", err)
	}
	out := bufio.NewWriterSize(f, 1<<20)
	sum, err = write(out)
	err = errors.Join(err, out.Flush(), f.Sync(), f.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(path))
	}
	return sum, err
}

const verifyExportHelp = `Check a file that duolog export wrote. It needs the file and the public key of the log, no database and no network:
that the head is signed by the key, that it speaks for each event as it stands in the file, that keys and data are
those that were sealed, and that no line was changed, removed or added. Exit 3 when anything is wrong.

Take the key from whoever runs Duolog (duolog heads list prints it), not from the file: a forged file names its own.`

func (c *cli) verifyExport() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "verify-export FILE", Short: "Check an exported file, without a database", Long: verifyExportHelp, Args: exactly(1),
		Example: "  duolog verify-export jane.ndjson --key duolog.pub",
		RunE: func(_ *cobra.Command, args []string) error {
			if key == "" {
				return hint(usage("a public key is needed"), "--key KEY or --key FILE; duolog heads list prints it")
			}
			public, err := textOrFile(key)
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return fmt.Errorf("read the export: %w", err)
			}
			defer func() { _ = f.Close() }()
			r, err := export.Verify(f, public)
			if err != nil {
				return err
			}
			return c.showVerifyExport(r)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "public key of the log, or a file of it")
	return cmd
}

// exportReport is export.Report as printed.
type exportReport struct {
	OK bool `json:"ok"`
	export.Report
}

func (c *cli) showVerifyExport(r export.Report) error {
	r.Faults = some(r.Faults)
	switch {
	case c.json:
		if err := c.printJSON(exportReport{r.OK(), r}); err != nil {
			return err
		}
	case r.OK():
		c.printf("%s of log %s, generation %d   %s\n%s\n", plural(r.Events, "event"), r.Header.LogID, r.Header.Generation,
			c.paint(green, "✓"), fitted("Connection "+r.Header.Connection+": "+r.Header.Scope, "  ", false))
		c.printf("Each was in the log when a head over %s was signed, %s.\n%s can be read, %s of people who were erased.\n",
			plural(r.Head.Size, "event"), time.UnixMicro(r.Head.At).UTC().Format(time.RFC3339), number(r.Disclosed), number(r.Erased))
	default:
		c.tellExportFaults(r)
	}
	if !r.OK() {
		return errPerson
	}
	return nil
}

func (c *cli) tellExportFaults(r export.Report) {
	c.printf("%s   %s\n", plural(int64(len(r.Faults))+r.MoreFaults, "fault"), c.paint(red, "✗"))
	t := table{head: []string{"line", "position", "fault", "what"}}
	for _, f := range r.Faults {
		var where, line any = "–", "–"
		if f.Position > 0 {
			where = position(f.Position)
		}
		if f.Line > 0 {
			line = f.Line
		}
		t.add(line, where, f.Kind, f.Detail)
	}
	t.print(c)
	if r.MoreFaults > 0 {
		c.printf("… and %s more\n", number(r.MoreFaults))
	}
}
