package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore/seal"
)

const headsHelp = `A head is a signed line about the log: so many events, and the root of the Merkle tree over them. duolog serve signs
one a minute while anything happens. A head means something only when somebody else holds it: hand one to your
auditor, mail it, commit it somewhere. duolog verify --head FILE then shows whether the log is still the one it was.`

const publishHelp = headsHelp + `

That it was published, by whom and to whom, is an act in the log: duolog report lists who holds the heads.`

func (c *cli) heads() *cobra.Command {
	return group(&cobra.Command{Use: "heads", Short: "Signed heads of the log, for others to hold", Long: headsHelp},
		c.headsList(), c.headsPublish())
}

// shownHead is a head as listed.
type shownHead struct {
	Size       int64     `json:"size"`
	Generation int64     `json:"generation"`
	Root       string    `json:"root"`
	SignedAt   time.Time `json:"signed_at"`
	Note       string    `json:"note"`
}

// headList is what heads list prints.
type headList struct {
	Key   string      `json:"key"`
	Heads []shownHead `json:"heads"`
}

func shownHeads(heads []seal.Signed) []shownHead {
	list := []shownHead{}
	for _, h := range heads {
		list = append(list, shownHead{h.Size, h.Generation, h.Root.String(), time.UnixMicro(h.At).UTC(), h.Note})
	}
	return list
}

func (c *cli) headsList() *cobra.Command {
	var limit int
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "List signed heads, the latest first, and the public key", Long: headsHelp, Args: none,
		Example: "  duolog heads list --limit 5\n  duolog heads list --json | jq -r .key > duolog.pub",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if limit < 1 {
				return usage("--limit is %d, want at least 1", limit)
			}
			heads, err := a.Heads(ctx, limit)
			if err != nil {
				return err
			}
			list := headList{Key: a.PublicKey(), Heads: shownHeads(heads)}
			if c.json {
				return c.printJSON(list)
			}
			return c.tellHeads(ctx, a, list, asCSV)
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "at most so many")
	csvFlag(cmd, &asCSV)
	return cmd
}

func (c *cli) tellHeads(ctx context.Context, a *app.App, list headList, asCSV bool) error {
	zone, err := zoneOf(ctx, a)
	if err != nil {
		return err
	}
	t := table{head: []string{"events", "generation", "signed", "root"}}
	for _, h := range list.Heads {
		t.add(position(h.Size), fmt.Sprint(h.Generation), h.SignedAt.In(zone).Format("Jan 2 15:04:05"), h.Root)
	}
	if asCSV {
		return t.csv(c.out)
	}
	c.printf("public key  %s\n", list.Key)
	if len(list.Heads) == 0 {
		c.printf("No head was signed yet: duolog heads publish signs one, duolog serve does each minute.\n")
		return nil
	}
	t.print(c)
	return nil
}

func (c *cli) headsPublish() *cobra.Command {
	var out, keyOut, to, reason string
	cmd := &cobra.Command{
		Use: "publish", Short: "Sign a head over everything there is, and print it", Long: publishHelp, Args: none,
		Example: "  duolog heads publish --to auditor@example.com | mail -s 'Duolog head' auditor@example.com\n" +
			"  duolog heads publish --out head.txt --key-out duolog.pub",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			head, err := a.PublishHead(ctx, cmp.Or(to, out, "standard output"), by(a, reason))
			if err != nil {
				return err
			}
			for path, text := range map[string]string{out: head.Note, keyOut: a.PublicKey() + "\n"} {
				if path == "" {
					continue
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // both are made to be published
					return fmt.Errorf("write head and key: %w", err)
				}
			}
			switch {
			case c.json:
				return c.printJSON(headList{Key: a.PublicKey(), Heads: shownHeads([]seal.Signed{head})})
			case out != "":
				c.printf("A head over %s is in %s; public key %s\n", plural(head.Size, "event"), out, a.PublicKey())
			default:
				c.printf("%s", head.Note)
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&out, "out", "", "write it to this file")
	cmd.Flags().StringVar(&keyOut, "key-out", "", "write the public key to this file")
	cmd.Flags().StringVar(&to, "to", "", "who is given it; kept in the log, and in the report")
	reasonFlag(cmd, &reason)
	return cmd
}
