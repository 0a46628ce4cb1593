package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/projections"
)

// projectionNames lists those that can be rebuilt.
var projectionNames = func() (names []string) {
	for _, p := range app.Projections() {
		names = append(names, p.Name())
	}
	return names
}()

const projectionsHelp = `A projection folds the log into tables that answer questions. lag is how many events it has not folded yet;
polled and advanced tell a frozen one from one that has nothing to do.`

func (c *cli) projections() *cobra.Command {
	return group(&cobra.Command{Use: "projections", Short: "The tables made from the log", Long: projectionsHelp},
		c.projectionsList(), c.projectionsParked())
}

func (c *cli) projectionsList() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "list", Short: "List them: version, position, lag", Args: none, Example: "  duolog projections list",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			all, err := a.Runner.Status(ctx)
			if err != nil {
				return err
			}
			t := table{head: []string{"projection", "version", "position", "lag", "parked", "polled", "advanced", "rebuild"}}
			for _, s := range all {
				building := "–"
				if s.Building != nil {
					building = "at " + at(*s.Building)
				}
				t.add(s.Name, s.Version, position(s.Position), s.Lag, s.Parked, since(s.PollAge),
					since(s.AdvanceAge), building)
			}
			return c.list(&t, asCSV, map[string]any{"projections": all})
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

func since(d time.Duration) string {
	if d <= 0 {
		return "–"
	}
	return ago(d)
}

func (c *cli) projectionsParked() *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use: "parked", Short: "List events a projection could not apply", Args: none,
		Long: "List events that could not be applied, and those of the same record that wait behind them. Everything else\n" +
			"goes on. Exit 3 when there are any.",
		Example: "  duolog projections parked",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			all := []projections.Parked{}
			for _, name := range projectionNames {
				parked, err := a.Runner.Parked(ctx, name)
				if err != nil {
					return err
				}
				all = append(all, parked...)
			}
			return errors.Join(c.showParked(all, asCSV), personIf(len(all) > 0))
		}),
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

func personIf(needed bool) error {
	if needed {
		return errPerson
	}
	return nil
}

func (c *cli) showParked(all []projections.Parked, asCSV bool) error {
	t := table{head: []string{"projection", "position", "key", "tries", "error"}}
	for _, p := range all {
		t.add(p.Projection, position(p.Position), p.Key, p.Attempts, p.Error)
	}
	switch {
	case c.json:
		return c.printJSON(map[string]any{"parked": all})
	case asCSV:
		return t.csv(c.out)
	case len(all) == 0:
		c.printf("Nothing is parked.\n")
		return nil
	}
	t.print(c)
	return nil
}
