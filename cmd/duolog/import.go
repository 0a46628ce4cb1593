package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
)

const importHelp = `Take in contacts that were exported from Aloware's Contacts screen as CSV. Aloware's API cannot list them, so this is
how people become known whom no webhook told of.

Every value counts from the moment of the export, --as-of: one that was seen later, by a webhook or a look-up, stays.
The same file again appends nothing.

The first line names the columns: an id and a phone number, and whatever else is mapped, under Aloware's names or the
usual words for them. --column says what one is where that is not plain. Rows without an id are known by their number;
whom nobody knows yet Aloware is asked for, one by one. Lines that cannot be taken are listed by number and left out.

What comes in is decided on like anything else: in mode live, whom the rules allow is created in HubSpot. Look first
with --dry-run, or in mode observe.`

func (c *cli) importing() *cobra.Command {
	var asOf, reason string
	var columns []string
	var in app.Import
	cmd := &cobra.Command{
		Use: "aloware FILE.csv", Short: "Take in contacts exported from Aloware", Long: importHelp, Args: exactly(1),
		Example: "  duolog import aloware contacts.csv --as-of 2026-11-23T14:05:00Z --dry-run\n" +
			"  duolog import aloware contacts.csv --as-of '2026-11-23 14:05' --column \"Tel.=phone_number\"",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) (err error) {
			zone, err := zoneOf(ctx, a)
			if err != nil {
				return err
			}
			if asOf == "" {
				return hint(usage("say when the file was exported"), "--as-of 2026-11-23T14:05:00Z")
			}
			if in.AsOf, err = parseTime(asOf, zone); err != nil {
				return err
			}
			if in.As, err = columnsOf(columns); err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return usageError{fmt.Errorf("open the file: %w", err)}
			}
			defer func() { err = errors.Join(err, file.Close()) }()
			if err := a.CatchUp(ctx); err != nil { // rows without an id are known by their number
				return err
			}
			said := time.Now()
			in.Progress = func(rows int64) {
				if time.Since(said) >= lineEvery {
					said = time.Now()
					c.note("%s read\n", plural(rows, "contact"))
				}
			}
			done, err := a.ImportAloware(ctx, file, in, by(a, reason))
			if errors.Is(err, httpapi.ErrBadInput) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			return c.imported(done, in.Dry)
		}),
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "when the file was exported; required")
	cmd.Flags().StringArrayVar(&columns, "column", nil, "what a column is, as in \"Tel.=phone_number\"; may be repeated")
	cmd.Flags().BoolVar(&in.Dry, "dry-run", false, "read the file and say what would be taken in, store nothing")
	reasonFlag(cmd, &reason)
	return group(&cobra.Command{Use: "import", Short: "Take in contacts from a file", Long: "Take in contacts from a file."}, cmd)
}

func columnsOf(words []string) (map[string]string, error) {
	as := make(map[string]string, len(words))
	for _, w := range words {
		header, property, ok := strings.Cut(w, "=")
		if header, property = strings.TrimSpace(header), strings.TrimSpace(property); !ok || header == "" || property == "" {
			return nil, hint(usage("%q does not say what a column is", w), "--column HEADER=PROPERTY, as in \"Tel.=phone_number\"")
		}
		as[header] = property
	}
	return as, nil
}

// imported says what became of the file. Lines that were left out are for a person: exit 3.
func (c *cli) imported(done httpapi.Imported, dry bool) error {
	if c.json {
		if err := c.printJSON(done); err != nil {
			return err
		}
	} else {
		c.tellImported(done, dry)
	}
	if done.Bad > 0 {
		return errPerson
	}
	return nil
}

func (c *cli) tellImported(done httpapi.Imported, dry bool) {
	t := table{head: []string{"column", "taken for", ""}}
	for _, col := range done.Columns {
		note := "mapped"
		if !col.Mapped {
			note = "not mapped: kept, not synced"
		}
		t.add(col.Header, col.Property, note)
	}
	t.print(c)
	word := "new to the log"
	if dry {
		word = "would be new to the log"
	}
	c.printf("\n%s: %s %s, %s as known, %s imported before\n", plural(done.Rows, "contact"), number(done.Facts), word,
		number(done.Unchanged), number(done.Repeated))
	if done.Asked > 0 {
		c.printf("%s without an id: Aloware was asked for their numbers\n", plural(done.Asked, "contact"))
	}
	if done.Withheld > 0 {
		c.printf("%s left out: the person was erased, or the text cannot be stored\n", plural(done.Withheld, "contact"))
	}
	if len(done.Missing) > 0 {
		c.printf("Not in the file: %s. So who is new is looked up in Aloware as well.\n", strings.Join(done.Missing, ", "))
	}
	for _, l := range done.Lines {
		c.printf("  line %d: %s\n", l.Line, l.Reason)
	}
	if more := done.Bad - int64(len(done.Lines)); more > 0 {
		c.printf("  and %s\n", plural(more, "more line"))
	}
}
