package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore"
)

const verifyHelp = `Read the whole log and check that nothing is missing, altered, added or out of order: positions run from 1
without a hole, each event's stored bytes give its hash and its key is its person's, head, events and dedupe keys
agree in number, and the events are those that were sealed: the stored Merkle tree and every signed head hold.
The code that checks is not the code that writes. Exit 3 when anything is wrong.

Who owns the database and its keys can forge a log together with its heads. Only a head that somebody else holds shows
that: keep what duolog heads publish prints, and give it to --head. --key names the public key you were given then.`

// verifyReport is eventstore.Report as printed.
type verifyReport struct {
	OK         bool          `json:"ok"`
	Connection string        `json:"connection"`
	LogID      string        `json:"log_id"`
	Generation int64         `json:"generation"`
	Head       int64         `json:"head"`
	Events     int64         `json:"events"`
	Sealed     int64         `json:"sealed"`
	Heads      int64         `json:"heads"`
	LastHead   string        `json:"last_head,omitempty"`
	Faults     []verifyFault `json:"faults"`
	MoreFaults int64         `json:"more_faults,omitempty"`
}

type verifyFault struct {
	Position int64  `json:"position,omitempty"`
	Kind     string `json:"kind"`
	Detail   string `json:"detail"`
}

func (c *cli) verify() *cobra.Command {
	var held []string
	var key string
	cmd := &cobra.Command{
		Use: "verify", Short: "Check that the log is complete and unaltered", Long: verifyHelp, Args: none,
		Example: "  duolog verify\n  duolog verify --head head-of-march.txt --key duolog.pub",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			o := app.VerifyOptions{}
			var err error
			if o.Key, err = textOrFile(key); err != nil {
				return err
			}
			for _, path := range held {
				head, err := os.ReadFile(path)
				if err != nil {
					return fmt.Errorf("read a head: %w", err)
				}
				o.Held = append(o.Held, string(head))
			}
			m := c.meter("verify", "events")
			o.Progress = m.set
			r, err := a.Verify(ctx, o)
			m.done()
			if errors.Is(err, eventstore.ErrNoLog) {
				return fmt.Errorf("connection %s: %w", a.Connection, err)
			}
			if err != nil {
				return err
			}
			return c.showVerify(r)
		}),
	}
	cmd.Flags().StringArrayVar(&held, "head", nil, "file of a signed head that was kept elsewhere; may be repeated")
	cmd.Flags().StringVar(&key, "key", "", "public key, or a file of it; this log's own when left out")
	return cmd
}

// textOrFile takes a public key as it is, or from the file it names.
func textOrFile(text string) (string, error) {
	if text == "" || strings.Contains(text, "+") {
		return text, nil
	}
	b, err := os.ReadFile(text)
	if err != nil {
		return "", fmt.Errorf("read the public key: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

func (c *cli) showVerify(r eventstore.Report) error {
	v := verifyReport{
		OK: r.OK(), Connection: r.Connection, LogID: r.LogID.String(), Generation: r.Generation, Head: r.Head,
		Events: r.Events, Sealed: r.Sealed, Heads: r.Heads, LastHead: r.LastHead, Faults: []verifyFault{}, MoreFaults: r.MoreFaults,
	}
	for _, f := range r.Faults {
		v.Faults = append(v.Faults, verifyFault{f.Position, f.Kind, f.Detail})
	}
	if c.json {
		if err := c.printJSON(v); err != nil {
			return err
		}
	} else {
		c.tellVerify(v)
	}
	if !v.OK {
		return errPerson
	}
	return nil
}

func (c *cli) tellVerify(v verifyReport) {
	c.printf("Log %s, generation %d:", v.LogID, v.Generation)
	if v.OK && v.Head == 0 {
		c.printf(" no events yet   %s\n", c.paint(green, "✓"))
		return
	}
	if v.OK {
		heads := "hashes agree"
		if v.Heads > 0 {
			heads = "hashes and " + plural(v.Heads, "head") + " agree"
		}
		c.printf("\n%s, positions 1-%s dense, %s   %s\n", plural(v.Events, "event"), number(v.Head), heads,
			c.paint(green, "✓"))
		c.tellHead(v)
		return
	}
	c.printf(" %s   %s\n", plural(int64(len(v.Faults))+v.MoreFaults, "fault"), c.paint(red, "✗"))
	t := table{head: []string{"position", "fault", "what"}}
	for _, f := range v.Faults {
		var where any = "–"
		if f.Position > 0 {
			where = position(f.Position)
		}
		t.add(where, f.Kind, f.Detail)
	}
	t.print(c)
	if v.MoreFaults > 0 {
		c.printf("… and %s more\n", number(v.MoreFaults))
	}
}

// tellHead shows how far the log is sealed, and what to give away of it.
func (c *cli) tellHead(v verifyReport) {
	if v.LastHead == "" {
		c.printf("No head was signed yet: duolog heads publish signs one, duolog serve does each minute.\n")
		return
	}
	if open := v.Head - v.Sealed; open > 0 {
		c.printf("The last head speaks for the first %s; %s not sealed yet.\n", plural(v.Sealed, "event"), number(open))
	}
	c.printf("\n%s\nGive this head to someone else to hold: with it, verify --head finds a log that was rewritten.\n", v.LastHead)
}
