package main

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
)

const keysHelp = `The master key wraps the key of every person and the secrets of every connection. Without it nobody reads the log or a
backup of it, and nothing brings it back: keep a copy of it apart from both.`

const rotateHelp = `Take a new master key, and wrap everything that the old one wrapped anew. Events are not touched.

duolog serve may run meanwhile; both keys are good until all is done. While it runs the old key stays in force beside the
new one: stop it for a moment and give the command again to end the rotation. One that was interrupted goes on when the
command is given again. The old key is then put aside in a file of its own: backups made before open with it alone.
Destroy it, and nobody who was erased can be read from those backups any more, nor anybody else.

On PostgreSQL the role must own the tables: a runtime role may not change a key.`

func (c *cli) keys() *cobra.Command {
	return group(&cobra.Command{Use: "keys", Short: "The master key: look, rotate, export", Long: keysHelp},
		c.keysStatus(), c.keysRotate(), c.keysExport())
}

func (c *cli) keysStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the master key's id, what it wraps, and whether it was exported", Long: keysHelp, Args: none,
		Example: "  duolog keys status",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			k, err := a.Keys(ctx)
			if err != nil {
				return err
			}
			return c.tellKeys(k)
		}),
	}
}

func (c *cli) keysRotate() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "rotate", Short: "Take a new master key, and wrap every key anew", Long: rotateHelp, Args: none,
		Example: "  duolog keys rotate --reason CHG-2301",
		RunE: c.on(func(ctx context.Context, a *app.App, _ []string) error {
			if reason == "" {
				return hint(usage("a rotation needs a reason"), "--reason says why; it stays in the log")
			}
			p := c.stages("keys")
			k, err := a.RotateKey(ctx, by(a, reason), p.hear)
			p.end()
			if err != nil {
				return err
			}
			return c.tellKeys(k)
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}

func (c *cli) keysExport() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "export FILE", Short: "Write the master key to a file, for safekeeping", Args: exactly(1),
		Long: keysHelp + "\n\nThe file is for its owner's eyes only (mode 0600). Whoever has it and the database reads everything: " +
			"do not keep the two together.",
		Example: "  duolog keys export /safe/duolog-master.key --reason \"yearly copy for the vault\"",
		RunE: c.on(func(ctx context.Context, a *app.App, args []string) error {
			if reason == "" {
				return hint(usage("an export needs a reason"), "--reason says why; it stays in the log")
			}
			k, err := a.ExportKey(ctx, args[0], by(a, reason))
			if errors.Is(err, fs.ErrExist) {
				return hint(err, "name a file that is not there yet")
			}
			if err != nil {
				return err
			}
			c.note("%s holds the master key itself. Move it where neither the database nor a backup is.\n", args[0])
			return c.tellKeys(k)
		}),
	}
	reasonFlag(cmd, &reason)
	return cmd
}

func (c *cli) tellKeys(k app.Keys) error {
	if c.json {
		return c.printJSON(k)
	}
	c.printf("master key  %s in %s\n", k.Key, k.File)
	for _, id := range slices.Sorted(maps.Keys(k.Wrapped)) {
		c.printf("wraps       %s by %s\n", plural(k.Wrapped[id], "key"), id)
	}
	switch {
	case k.Old != "":
		c.printf("The old key is in %s. Backups made before open with it alone; destroy it once you need none of them.\n", k.Old)
	case k.Running != "":
		c.printf("%s is being replaced. duolog serve runs for connection %s: both keys are good. Stop it for a moment, and give\n"+
			"duolog keys rotate again.\n", k.Rotating, k.Running)
	case k.Rotating != "":
		c.printf("%s is being replaced, and good meanwhile: duolog keys rotate goes on.\n", k.Rotating)
	}
	if len(k.Wrapped) > 1 && k.Rotating == "" {
		c.printf("A process that had not heard of the new key wrapped by the old one: duolog keys rotate wraps that anew. Keep the old\n" +
			"key until then.\n")
	}
	if !k.Exported {
		c.printf("No copy of this key was made with duolog keys export: when its file is lost, everything is.\n")
	}
	return nil
}
