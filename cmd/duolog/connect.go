package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const connectHelp = `Set up one of the two systems, step by step. What you give is stored sealed in the database, beside the log and not in
it; duolog serve finds it there. What stands in the environment or in the configuration file counts above it.

A connection that was never switched on stays off: nothing is read or sent before you say duolog mode observe.`

// connecting is what both systems have in common.
type connecting struct {
	*cli
	in        *bufio.Reader
	publicURL string
	wait      time.Duration
	yes       bool
}

func (c *cli) connect() *cobra.Command {
	return group(&cobra.Command{Use: "connect", Short: "Set up HubSpot or Aloware, step by step", Long: connectHelp},
		c.connectHubSpot(), c.connectAloware())
}

func (w *connecting) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.publicURL, "public-url", "", "how the world reaches duolog serve (DUOLOG_PUBLIC_URL)")
	cmd.Flags().DurationVar(&w.wait, "wait", 5*time.Minute, "how long to wait for a webhook; 0: not at all")
	cmd.Flags().BoolVar(&w.yes, "yes", false, "make what is missing without asking")
}

// run opens the connection, which may be new.
func (w *connecting) run(do func(ctx context.Context, a *app.App) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) (err error) {
		a, err := w.open(cmd.Context(), func(cfg *app.Config) {
			if w.publicURL != "" {
				cfg.PublicURL = strings.TrimRight(w.publicURL, "/")
			}
		})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, a.Close()) }()
		w.in = bufio.NewReader(w.cli.in)
		return do(cmd.Context(), a)
	}
}

func (w *connecting) step(n, of int, format string, args ...any) {
	w.printf("Step %d of %d  %s\n", n, of, fmt.Sprintf(format, args...))
}

// secret asks for one, unless it is known. On a terminal it is not shown.
func (w *connecting) secret(what, known string) (string, error) {
	if known != "" {
		return known, nil
	}
	w.note("%s: ", what)
	if isTerminal(w.cli.in) {
		w.echo("-echo")
		defer func() { w.echo("echo"); w.note("\n") }()
	}
	line, err := w.in.ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return "", hint(errors.Join(usage("no %s was given", what), ended(err)), "type or paste it, or set it in the environment")
	}
	return line, nil
}

func ended(err error) error {
	if err != nil && err.Error() != "EOF" {
		return err
	}
	return nil
}

// echo switches whether the terminal shows what is typed; where that cannot be done it is shown.
func (w *connecting) echo(word string) {
	cmd := exec.Command("stty", word)
	cmd.Stdin = os.Stdin
	_ = cmd.Run()
}

func (w *connecting) confirmed(question string) bool {
	if w.yes {
		return true
	}
	w.note("%s [y/N] ", question)
	line, _ := w.in.ReadString('\n')
	return strings.EqualFold(strings.TrimSpace(line), "y")
}

// listener takes webhooks in while nobody else does; nil when a running service has the address.
func (w *connecting) listener(ctx context.Context, a *app.App) net.Listener {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", a.Addr)
	if err != nil {
		return nil
	}
	return l
}

// await waits for webhooks until done says which was the last. A person is needed when none came.
func (w *connecting) await(ctx context.Context, a *app.App, s domain.System, done func(app.Delivered) bool) error {
	if w.wait <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.wait)
	defer cancel()
	l := w.listener(ctx, a)
	if l != nil {
		w.note("Listening on http://%s for %s\n", l.Addr(), a.HookURL(s))
	}
	heard := false
	err := a.Await(ctx, s, l, func(d app.Delivered) bool {
		if d.Refused != "" {
			w.printf("             %s %s refused: %s\n", w.paint(red, "✗"), d.At.Local().Format(timeLayout), d.Refused)
			return true
		}
		heard = done(d)
		return !heard
	})
	if err != nil && ctx.Err() == nil {
		return err
	}
	if !heard {
		w.note("Nothing came within %s. duolog webhooks rejected shows what was refused; run it again to wait on.\n", w.wait)
		return errPerson
	}
	return nil
}

// standBy keeps a new connection off, and says how it goes on.
func (w *connecting) standBy(ctx context.Context, a *app.App, next string) error {
	if _, err := a.StandBy(ctx, by(a, "")); err != nil {
		return err
	}
	control, _, err := a.InForce(ctx)
	if err != nil {
		return err
	}
	mode := string(control.Mode)
	if control.Mode == domain.ModeOff {
		mode = "off: nothing is read or sent"
	}
	w.printf("\nConnected.  Mode is %s.   Next: %s\n", mode, next)
	return nil
}
