package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/eventstore/transfer"
)

const backupHelp = `Write everything the database holds to one file, SQLite or PostgreSQL alike, while duolog serve goes on. The file holds
each log up to where it ended when the backup began; then it is verified, and held against the log it was made of.

The master key is not in it: without the key nobody reads the file, you neither. Keep the two apart, and keep both:
duolog keys export writes the key to a file. A person who was erased before the backup is not in it; one who is erased
later still is, until the master key is rotated and the old one destroyed.`

func (c *cli) backup() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Write everything to one file, without the master key", Long: backupHelp, Args: exactly(1),
		Example: "  duolog backup /backups/duolog-2026-11-29.db",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			p := c.stages("rows")
			done, err := a.Backup(ctx, args[0], p.hear)
			p.end()
			if errors.Is(err, fs.ErrExist) {
				return hint(err, "name a file that is not there yet")
			}
			if err != nil {
				return err
			}
			return c.tellTransfer(done, func() {
				c.printf("%s are in %s, verified   %s\n", plural(done.Events(), "event"), args[0], c.paint(green, "✓"))
				c.tellLogs(done)
				c.printf("It opens with master key %s, which is not in it.\nKeep that elsewhere: duolog keys export FILE\n", done.Key)
			})
		}),
	}
}

const restoreHelp = `Put a backup back, into a database that is empty: the one configured, SQLite or PostgreSQL, whichever it was made of.

The log comes back in a new generation, so that nobody takes its next events for those that are lost: consumers are told
where to go on. It comes back paused. Commands that waited when the backup was made are taken back, for what became of
them is not known. duolog serve then reads both systems, while nothing is sent; look at duolog status, and let it go on
with duolog resume. What was done since the backup is found, not done again.

Who was erased since is erased again, before anybody can read the database: each erasure is also kept outside of it, in
a list beside the last signed head (DUOLOG_HEADS_DIR; the folder "heads" beside the master key when left out). --erasures
names the list, or the folder of it, when it lies elsewhere. Without one a restore is refused, unless --no-erasures says
that whoever was erased since may be back.

The backup opens with the master key it was made under: the configured one, or the file that --key names. A restore that
was interrupted goes on when the command is given again.`

func (c *cli) restore() *cobra.Command {
	var o app.RestoreOptions
	var reason string
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Put a backup back into an empty database", Long: restoreHelp, Args: exactly(1),
		Example: "  duolog restore /backups/duolog-2026-11-29.db --reason \"disk of db-1 lost\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return hint(usage("a restore needs a reason"), "--reason says why; it stays in the log")
			}
			cfg, err := c.config()
			if err != nil {
				return err
			}
			p := c.stages("rows")
			o.By, o.Progress = httpapi.By{Reason: reason}, p.hear
			done, err := app.Restore(cmd.Context(), cfg, args[0], o, c.logger(slog.LevelWarn))
			p.end()
			if err != nil {
				return transferError(err)
			}
			return c.tellTransfer(done, func() {
				c.printf("%s are in %s, as they were on %s   %s\n", plural(done.Events(), "event"), cfg.Database(),
					done.At.Format(bothLayout)+" UTC", c.paint(green, "✓"))
				c.tellLogs(done)
				c.tellErased(done, o.Erasures)
				c.printf("Nothing is sent yet. duolog serve reads both systems first; then look, and go on: duolog resume\n")
			})
		},
	}
	cmd.Flags().StringVar(&o.KeyFile, "key", "", "file of the master key it was made under; the configured one when left out")
	listFlags(cmd, &o.Erasures)
	reasonFlag(cmd, &reason)
	return cmd
}

func listFlags(cmd *cobra.Command, lists *app.Lists) {
	cmd.Flags().StringArrayVar(&lists.From, "erasures", nil, "list of erasures, or folder of it; may be repeated; default: where they are kept")
	cmd.Flags().BoolVar(&lists.None, "no-erasures", false, "go on without: whoever was erased since is back")
	cmd.MarkFlagsMutuallyExclusive("erasures", "no-erasures")
}

// tellErased says what became of erasures that the database had forgotten.
func (c *cli) tellErased(done app.Transferred, lists app.Lists) {
	switch {
	case lists.None:
		c.printf("Nobody was erased again: --no-erasures. Whoever was erased since is back.\n")
	case done.Erased == 0:
		c.printf("Nobody was erased since.\n")
	default:
		c.printf("%s made since %s made again.\n", plural(int64(done.Erased), "erasure"), was(done.Erased))
	}
}

func was(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

const recoverHelp = `Go on with a database that was put back to an earlier time by other means than duolog restore: a copied file, a snapshot,
pg_restore. duolog serve refuses a log that is shorter than the last signed head kept outside the database: what it has
forgotten would be done again, and its next events be taken for those that are lost.

The logs get a new generation, so that consumers are told where to go on; they are paused; commands that wait are taken
back, for what became of them is not known; who was erased since is erased again, before anybody can read it. duolog
serve then reads both systems, while nothing is sent; look at duolog status, and let it go on with duolog resume.

Heads and lists of erasures are kept in DUOLOG_HEADS_DIR, the folder "heads" beside the master key when left out. One
that was interrupted goes on when the command is given again.`

func (c *cli) recover() *cobra.Command {
	var o app.RecoverOptions
	var reason string
	cmd := &cobra.Command{
		Use: "recover", Short: "Go on with a database that was put back to an earlier time", Long: recoverHelp, Args: none,
		Example: "  duolog recover --reason \"disk of db-1 lost, snapshot of 3 May\"",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if reason == "" {
				return hint(usage("a recovery needs a reason"), "--reason says why; it stays in the log")
			}
			cfg, err := c.config()
			if err != nil {
				return err
			}
			p := c.stages("events")
			o.By, o.Progress = httpapi.By{Reason: reason}, p.hear
			done, err := app.Recover(cmd.Context(), cfg, o, c.logger(slog.LevelWarn))
			p.end()
			if errors.Is(err, app.ErrNothingLost) {
				return hint(err, "when the database was put back nonetheless, say --anyway")
			}
			if err != nil {
				return transferError(err)
			}
			return c.tellTransfer(done, func() {
				c.tellLogs(done)
				c.tellErased(done, o.Erasures)
				c.printf("Nothing is sent yet. duolog serve reads both systems first; then look, and go on: duolog resume\n")
			})
		},
	}
	cmd.Flags().BoolVar(&o.Anyway, "anyway", false, "also when no kept head says that anything was lost")
	listFlags(cmd, &o.Erasures)
	reasonFlag(cmd, &reason)
	return cmd
}

// transferError says what to do about what stands against a copy.
func transferError(err error) error {
	if errors.Is(err, transfer.ErrTarget) {
		return hint(err, "name an empty database with --data DIR or --database-url; nothing was changed in this one")
	}
	if errors.Is(err, app.ErrErasures) {
		return hint(err, "--erasures names a copy of the list, or its folder; --no-erasures goes on without, and whoever was "+
			"erased since is back. Nothing was changed")
	}
	return err
}

func (c *cli) tellTransfer(done app.Transferred, tell func()) error {
	if c.json {
		return c.printJSON(done)
	}
	tell()
	return nil
}

func (c *cli) tellLogs(done app.Transferred) {
	t := table{head: []string{"connection", "log", "generation", "up to"}}
	for _, l := range done.Logs {
		t.add(l.Connection, l.LogID, fmt.Sprint(l.Generation), position(l.Position))
	}
	t.print(c)
}

// stages shows the progress of work of several parts, one after the other.
type stages struct {
	c    *cli
	unit string
	now  string
	m    *meter
}

func (c *cli) stages(unit string) *stages { return &stages{c: c, unit: unit} }

func (s *stages) hear(what string, done, total int64) {
	if what != s.now {
		s.end()
		s.now, s.m = what, s.c.meter(what, s.unit)
	}
	s.m.set(done, total)
}

func (s *stages) end() {
	if s.m != nil {
		s.m.done()
	}
}
