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

const migrateUpHelp = `Apply what is missing of the schema.

On PostgreSQL triggers refuse to change or remove an event or its key, but who owns the tables could take them off.
So let one role own them, with which you migrate, and have duolog serve log in as another: --runtime-role gives
it what serving needs and no more, each time anew. It may read everything and append; it cannot change, remove
or truncate events and keys, nor make, alter or drop anything. Its name and password are yours to make first:

  CREATE ROLE duolog_app LOGIN PASSWORD '…'

duolog doctor says which protection is on.`

func (c *cli) migrate() *cobra.Command {
	return group(&cobra.Command{Use: "migrate", Short: "The schema of the database", Long: migrateHelp},
		c.migrateUp(),
		c.migrateVerb("status", "Show what is applied and what is missing", app.MigrationStatus))
}

// migration is a step of the schema as printed.
type migration struct {
	Version   int64      `json:"version"`
	Name      string     `json:"name"`
	Applied   bool       `json:"applied"`
	AppliedAt *time.Time `json:"applied_at,omitempty"`
}

func (c *cli) migrateUp() *cobra.Command {
	var role string
	cmd := c.migrateVerb("up", "Apply what is missing", func(ctx context.Context, cfg app.Config) ([]eventstore.Migration, error) {
		if role != "" && cfg.SQLite() != "" {
			return nil, usageError{app.ErrNoRoles}
		}
		steps, err := app.Migrate(ctx, cfg)
		if err != nil {
			return steps, err
		}
		if role == "" {
			c.unserved(ctx, cfg)
			return steps, nil
		}
		if err := app.GrantRuntime(ctx, cfg, role); err != nil {
			return steps, err
		}
		c.note("%s may read and append, and change or remove no event.\n", role)
		return steps, nil
	})
	cmd.Long = migrateUpHelp
	cmd.Example = "  duolog migrate up\n  duolog migrate up --runtime-role duolog_app"
	cmd.Flags().StringVar(&role, "runtime-role", "", "PostgreSQL role to give the rights to serve")
	return cmd
}

// unserved names the roles that cannot serve on what was made since they were given their rights.
func (c *cli) unserved(ctx context.Context, cfg app.Config) {
	roles, err := app.Unserved(ctx, cfg)
	for _, role := range roles {
		c.note("%s serves here and has no right to what is new: duolog migrate up --runtime-role %s gives it.\n", role, role)
	}
	if err != nil { // the steps are applied all the same
		c.note("Whether every role that serves has its rights was not found: %v\n", err)
	}
}

func (c *cli) migrateVerb(verb, short string,
	do func(context.Context, app.Config) ([]eventstore.Migration, error),
) *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
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
			return c.showMigrations(cfg, steps, asCSV)
		},
	}
	csvFlag(cmd, &asCSV)
	return cmd
}

func (c *cli) showMigrations(cfg app.Config, steps []eventstore.Migration, asCSV bool) error {
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
	if asCSV {
		return t.csv(c.out)
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
