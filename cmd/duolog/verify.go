package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore"
)

const verifyHelp = `Read the whole log and check that nothing is missing, altered, added or out of order: positions run from 1
without a hole, each event's stored bytes give its hash, and head, events and dedupe keys agree in number.
The code that checks is not the code that writes. Exit 3 when anything is wrong.`

// verifyReport is eventstore.Report as printed.
type verifyReport struct {
	OK         bool          `json:"ok"`
	Connection string        `json:"connection"`
	LogID      string        `json:"log_id"`
	Generation int64         `json:"generation"`
	Head       int64         `json:"head"`
	Events     int64         `json:"events"`
	Faults     []verifyFault `json:"faults"`
	MoreFaults int64         `json:"more_faults,omitempty"`
}

type verifyFault struct {
	Position int64  `json:"position,omitempty"`
	Kind     string `json:"kind"`
	Detail   string `json:"detail"`
}

func (c *cli) verify() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Check that the log is complete and unaltered", Long: verifyHelp, Args: none,
		Example: "  duolog verify",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			m := c.meter("verify", "events")
			r, err := eventstore.Verify(ctx, a.Store, a.Connection, m.set)
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
}

func (c *cli) showVerify(r eventstore.Report) error {
	v := verifyReport{
		OK: r.OK(), Connection: r.Connection, LogID: r.LogID.String(), Generation: r.Generation, Head: r.Head,
		Events: r.Events, Faults: []verifyFault{}, MoreFaults: r.MoreFaults,
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
		c.printf("\n%s, positions 1-%s dense, hashes agree   %s\n", plural(v.Events, "event"), number(v.Head),
			c.paint(green, "✓"))
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
