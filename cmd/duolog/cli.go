package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/cmd/internal/app"
)

// cli is one call of the program: its streams and the flags every command has.
type cli struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string

	file, connection, database, data string
	json                             bool
}

// config reads the configuration: file, then environment, then flags, then what the command itself decides.
func (c *cli) config(more ...func(*app.Config)) (app.Config, error) {
	return app.LoadConfig(c.file, c.getenv, func(cfg *app.Config) {
		cfg.Connection = c.connection
		if c.data != "" { // as a flag it stands above a database named in file or environment
			cfg.Data, cfg.DatabaseURL = c.data, ""
		}
		if c.database != "" {
			cfg.DatabaseURL = c.database
		}
		for _, change := range more {
			change(cfg)
		}
	})
}

// open opens the configured database, making a SQLite one that is missing.
func (c *cli) open(ctx context.Context, more ...func(*app.Config)) (*app.App, error) {
	cfg, err := c.config(more...)
	if err != nil {
		return nil, err
	}
	return app.Open(ctx, cfg, c.logger(slog.LevelWarn))
}

// existing opens a database and a connection that are there: to look at something must not make an empty log in the
// wrong folder, or under a name that was mistyped.
func (c *cli) existing(ctx context.Context) (*app.App, error) {
	cfg, err := c.config(known)
	if err != nil {
		return nil, err
	}
	if path := cfg.SQLite(); path != "" {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, hint(fmt.Errorf("there is no log in %s", path),
				"name its folder with --data DIR or DUOLOG_DATA; duolog serve, or duolog demo, makes one")
		}
	}
	return app.Open(ctx, cfg, c.logger(slog.LevelWarn))
}

// known has a connection refused that the database does not hold.
func known(cfg *app.Config) { cfg.Known = true }

func (c *cli) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: level}))
}

// action is what a command does with an open database.
type action func(ctx context.Context, a *app.App, args []string) error

// on makes a command's RunE of an action on a database that exists.
func (c *cli) on(do action) func(*cobra.Command, []string) error { return with(c.existing, do) }

// onKnown is on for commands that make a missing SQLite database, and no connection beside those in it.
func (c *cli) onKnown(do action) func(*cobra.Command, []string) error {
	return with(func(ctx context.Context) (*app.App, error) { return c.open(ctx, known) }, do)
}

// onAny is on for commands that may be the first about a connection.
func (c *cli) onAny(do action) func(*cobra.Command, []string) error {
	return with(func(ctx context.Context) (*app.App, error) { return c.open(ctx) }, do)
}

func with(open func(context.Context) (*app.App, error), do action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		a, err := open(cmd.Context())
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.Close()) }()
		return do(cmd.Context(), a, args)
	}
}

// reasonFlag adds --reason, the why of an act.
func reasonFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "reason", "", "why; kept in the log for ever, as in --reason CHG-2214")
}

func by(a *app.App, reason string) httpapi.By {
	return httpapi.By{Actor: a.Actor, Reason: strings.TrimSpace(reason)}
}

// exactly wants so many arguments, called by the names in the command's use line.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usage("want: %s", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	}
}

// atMost wants no more than so many arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= n {
			return nil
		}
		return usage("want: %s", strings.TrimSuffix(cmd.UseLine(), " [flags]"))
	}
}

// none refuses arguments.
func none(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage("%s takes no arguments, found %q", cmd.CommandPath(), args[0])
}

// group is a command that only holds others: alone it shows its help.
func group(cmd *cobra.Command, sub ...*cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return unknown(cmd, args[0], cmd.CommandPath())
	}
	cmd.AddCommand(sub...)
	return cmd
}

// unknown says that a command has no such one below it. like is how the right one would be called.
func unknown(cmd *cobra.Command, word, like string) error {
	err := usage("unknown command %q for %q", word, cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return hint(err, "did you mean %s %s?", like, near[0])
	}
	return hint(err, "%s --help lists what there is", cmd.CommandPath())
}

// helpCommand is cobra's, but for a topic there is none of: that is a mistake like any other.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [command]", Short: "Help about any command", Args: cobra.ArbitraryArgs,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var words []cobra.Completion
			if about, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
				for _, sub := range about.Commands() {
					words = append(words, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			return words, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usageError{err}
			}
			if len(rest) > 0 {
				return unknown(about, rest[0], strings.Replace(about.CommandPath(), "duolog", "duolog help", 1))
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}
