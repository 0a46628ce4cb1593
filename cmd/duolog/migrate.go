package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore"
)

const migrateHelp = `Bring the tables of the database up to date, or see how they stand. A SQLite file is brought up to date by
itself when it is opened; a PostgreSQL database only by duolog migrate up, so that you choose the moment.
No key is needed.`

func (c *cli) migrate() *cobra.Command {
	return group(&cobra.Command{Use: "migrate", Short: "The schema of the database", Long: migrateHelp},
		c.migrateVerb("up", "Apply what is missing", app.Migrate),
		c.migrateVerb("status", "Show what is applied and what is missing", app.MigrationStatus))
}

// migration is a step of the schema as printed.
type migration struct {
	Version   int64      `json:"version"`
	Name      string     `json:"name"`
	Applied   bool       `json:"applied"`
	AppliedAt *time.Time `json:"applied_at,omitempty"`
}

func (c *cli) migrateVerb(verb, short string,
	do func(context.Context, app.Config) ([]eventstore.Migration, error),
) *cobra.Command {
	return &cobra.Command{
		Use: verb, Short: short, Args: none, Example: "  duolog migrate " + verb,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.config(func(cfg *app.Config) { cfg.Ephemeral = true })
			if err != nil {
				return err
			}
			if err := cfg.Validate(); err != nil {
				return err
			}
			steps, err := do(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			return c.showMigrations(cfg, steps)
		},
	}
}

func (c *cli) showMigrations(cfg app.Config, steps []eventstore.Migration) error {
	list := make([]migration, len(steps))
	missing := int64(0)
	t := table{head: []string{"step", "name", "applied"}}
	for i, s := range steps {
		list[i] = migration{Version: s.Version, Name: s.Name, Applied: s.Applied}
		applied := "no"
		if !s.AppliedAt.IsZero() {
			list[i].AppliedAt = &s.AppliedAt
		}
		if s.Applied {
			applied = s.AppliedAt.UTC().Format(bothLayout) + " UTC"
		} else {
			missing++
		}
		t.add(s.Version, s.Name, applied)
	}
	if c.json {
		return c.printJSON(list)
	}
	if len(steps) > 0 {
		t.print(c)
		c.printf("\n")
	}
	if missing > 0 {
		c.printf("%s missing in %s.  duolog migrate up applies them.\n", plural(missing, "step"), cfg.Database())
		return nil
	}
	c.printf("%s is up to date.\n", cfg.Database())
	return nil
}
