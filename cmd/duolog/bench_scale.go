package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/cmd/internal/scale"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/eventstore/sqlite"
)

const benchScaleHelp = `Make a large connection and a small one, each in a database or schema of its own, and do the same on both in
turns: append, read, plan. Printed are medians and how many times longer the large one takes; events_per_second
is what 32 writers append to the large one, the baseline what they append to the small one.

A contact has five events. A million of them take some minutes to make and, on PostgreSQL, about 15 GB; both are
removed at the end.`

// scaleOptions are the sizes compared.
type scaleOptions struct {
	contacts, small int
	measure         scale.Options
}

func (c *cli) benchScale() *cobra.Command {
	var o scaleOptions
	cmd := &cobra.Command{
		Use: "scale", Short: "What grows with the number of contacts", Long: benchScaleHelp, Args: none,
		Example: "  duolog bench scale\n  duolog bench scale --contacts 100000 --small 1000 --json",
		RunE: c.onBench(func(ctx context.Context, a *app.App) (benchResult, error) {
			return c.runBenchScale(ctx, a, o)
		}),
	}
	cmd.Flags().IntVar(&o.contacts, "contacts", 1_000_000, "contacts of the large connection")
	cmd.Flags().IntVar(&o.small, "small", 10_000, "contacts of the small one")
	cmd.Flags().IntVar(&o.measure.Rounds, "rounds", 40, "turns of each")
	return cmd
}

func (c *cli) runBenchScale(ctx context.Context, a *app.App, o scaleOptions) (r benchResult, err error) {
	if o.small < 1 || o.contacts < o.small || o.contacts > scale.MaxContacts {
		return r, usage("want 1 or more contacts in the small connection and up to %s in the large one",
			number(scale.MaxContacts))
	}
	var made [2]*scale.Connection
	for i, contacts := range []int{o.small, o.contacts} {
		store, remove, err := scratch(ctx, a)
		if err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, remove(context.WithoutCancel(ctx))) }()
		m := c.meter("make", "contacts")
		made[i], err = scale.Fill(ctx, store, a.Connection, contacts, m.set)
		m.done()
		if err != nil {
			return r, fmt.Errorf("make %d contacts: %w", contacts, err)
		}
	}
	m := c.meter("measure", "rounds")
	o.measure.Progress = func(done, total int) { m.set(int64(done), int64(total)) }
	found, err := scale.Measure(ctx, made[0], made[1], o.measure)
	m.done()
	return benchResult{
		Bench: "scale", Backend: a.Store.Backend(), Events: made[1].Events, Growth: found.Growth,
		Contacts: o.contacts, SmallContacts: o.small, SmallEvents: made[0].Events,
		EventsPerSecond: found.LargeRate, BaselineEventsPerSecond: found.SmallRate, Ratio: found.LargeRate / found.SmallRate,
	}, err
}

// scratch opens an empty store of the app's kind; remove closes and deletes it.
func scratch(ctx context.Context, a *app.App) (eventstore.Store, func(context.Context) error, error) {
	path := a.SQLite()
	if path == "" {
		return postgres.Scratch(ctx, postgres.Config{URL: a.DatabaseURL, MaxConns: benchConns})
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "scale-")
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlite.Open(ctx, sqlite.Config{
		Path: filepath.Join(dir, "duolog.db"), MasterKey: eventstore.NewMasterKey(), Migrate: true,
	})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	return store, func(context.Context) error { return errors.Join(store.Close(), os.RemoveAll(dir)) }, nil
}

// showGrowth prints a line for each kind of call.
func (c *cli) showGrowth(r benchResult) {
	c.printf("%s on %s: %s contacts with %s events, beside %s with %s\n", r.Bench, r.Backend, number(int64(r.Contacts)),
		number(r.Events), number(int64(r.SmallContacts)), number(r.SmallEvents))
	t := table{head: []string{"", "small, ms", "large, ms", "times"}}
	ms := func(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
	times := func(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
	for _, g := range r.Growth {
		t.add(g.What, ms(g.Small), ms(g.Large), times(g.Ratio))
	}
	t.print(c)
	c.printf("32 writers append %s events/s to the large one, %s/s to the small one, ratio %.2f\n",
		number(int64(r.EventsPerSecond)), number(int64(r.BaselineEventsPerSecond)), r.Ratio)
}
