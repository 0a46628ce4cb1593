package main

import (
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore"
)

const copyHelp = `Move everything into an empty database: from SQLite to PostgreSQL, back, or to another of the same kind. Positions,
hashes and signed heads are the same there, and both are verified and held against each other at the end.

Most of it is copied while duolog serve goes on. For the rest stop duolog serve, and give the command again: the logs
are closed here, the last event of each saying that it went on there, and take no more. Then start duolog serve on the
new database. A copy that was interrupted goes on when the command is given again.

A key file that is not there is made, and everything wrapped under it; with the same file for both the keys stay as they
are. Name the files when they are not where the databases have them.`

func (c *cli) copy() *cobra.Command {
	var o app.CopyOptions
	var from, to, fromKey, toKey, reason string
	cmd := &cobra.Command{
		Use: "copy --from URL --to URL", Short: "Move everything into another database", Long: copyHelp, Args: none,
		Example: "  duolog copy --from sqlite:duolog-data/duolog.db --to postgres://duolog@db/duolog \\\n" +
			"    --to-key /etc/duolog/master.key --reason \"one machine is not enough\"",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" || to == "" {
				return usage("want: duolog copy --from URL --to URL")
			}
			if reason == "" {
				return hint(usage("a move needs a reason"), "--reason says why; it stays in the log")
			}
			source, err := c.config(database(from, fromKey))
			if err != nil {
				return err
			}
			target, err := c.config(database(to, toKey))
			if err != nil {
				return err
			}
			p := c.stages("rows")
			o.By, o.Progress = httpapi.By{Reason: reason}, p.hear
			done, err := app.Move(cmd.Context(), source, target, o, c.logger(slog.LevelWarn))
			p.end()
			switch {
			case errors.Is(err, app.ErrServed):
				return hint(err, "most is copied: stop duolog serve and give the command again, and the rest goes along")
			case errors.Is(err, eventstore.ErrSchema):
				return hint(err, "make the tables first: duolog migrate up --database-url %s", target.Database())
			case err != nil:
				return transferError(err)
			}
			return c.tellTransfer(done, func() {
				c.printf("%s are in %s, the same in every position, hash and head   %s\n", plural(done.Events(), "event"),
					target.Database(), c.paint(green, "✓"))
				c.tellLogs(done)
				c.printf("It opens with master key %s in %s.\nThe logs here are closed: serve the new database.\n", done.Key, target.MasterKeyFile)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&from, "from", "", "database to copy: sqlite:PATH or postgres://…")
	flags.StringVar(&to, "to", "", "empty database to copy into")
	flags.StringVar(&fromKey, "from-key", "", "master key file of the one (DUOLOG_MASTER_KEY_FILE, or beside the SQLite file)")
	flags.StringVar(&toKey, "to-key", "", "master key file of the other (DUOLOG_MASTER_KEY_FILE, or beside the SQLite file)")
	flags.BoolVar(&o.Again, "again", false, "copy logs that were moved before; never serve both copies")
	reasonFlag(cmd, &reason)
	return cmd
}

// database has the configuration name another database and key.
func database(url, key string) func(*app.Config) {
	return func(cfg *app.Config) {
		cfg.DatabaseURL = url
		if key != "" {
			cfg.MasterKeyFile = key
		}
	}
}
