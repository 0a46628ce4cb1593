package main

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const connectAlowareHelp = `Connect an Aloware account. Its API cannot register webhooks, so the form to fill in by hand is printed, and its test
and a real delivery are waited for. The API token is asked for, or read from the environment (ALOWARE_API_TOKEN). It
belongs to one admin user: if that user is deleted, the sync stops.`

type alowareConnect struct{ connecting }

func (c *cli) connectAloware() *cobra.Command {
	w := &alowareConnect{connecting{cli: c}}
	cmd := &cobra.Command{
		Use: "aloware", Short: "Connect an Aloware account", Long: connectAlowareHelp, Args: none,
		Example: "  duolog connect aloware\n  duolog connect aloware --connection north --wait 15m",
		RunE:    w.run(w.connect),
	}
	w.flags(cmd)
	return cmd
}

func (w *alowareConnect) connect(ctx context.Context, a *app.App) error {
	keep, err := map[string]string{"aloware.webhook_token": a.Aloware.WebhookToken}, error(nil)
	if keep["aloware.api_token"], err = w.secret("API token", a.Aloware.APIToken); err != nil {
		return err
	}
	if keep["aloware.webhook_token"] == "" {
		keep["aloware.webhook_token"] = "dlw_" + rand.Text()
	}
	if err := a.KeepSecrets(ctx, keep); err != nil {
		return err
	}
	account, err := a.LookAtAloware(ctx)
	if err != nil {
		return unreached(err)
	}
	w.printf("API token: works, account %s.  It belongs to one admin user; if that user is deleted, the sync of Aloware stops.\n\n",
		orDash(account))
	w.form(a)
	if err := w.ticked(ctx, a); err != nil {
		return err
	}
	s, err := a.Status(ctx)
	if err != nil {
		return err
	}
	for _, n := range s.Needs {
		w.note("Note: %s\n", n)
	}
	return w.standBy(ctx, a, "duolog serve, then duolog mode observe")
}

// form is what is to be filled in by hand.
func (w *alowareConnect) form(a *app.App) {
	w.printf("Aloware's API cannot register webhooks, so this form is yours to fill (about 2 minutes):\n")
	for _, line := range a.AlowareForm(a.Aloware.WebhookToken) {
		w.printf("  %-16s%s\n", line.Label, strings.Join(wrap(line.Value, lineWidth-18), "\n"+strings.Repeat(" ", 18)))
	}
}

// ticked waits for the test delivery, which a running service does not tell of, and for a real one.
func (w *alowareConnect) ticked(ctx context.Context, a *app.App) error {
	if w.wait <= 0 {
		return nil
	}
	w.printf("  waiting for the test delivery, and for a real event: edit a contact in Aloware …\n")
	tested := false
	return w.await(ctx, a, domain.Aloware, func(d app.Delivered) bool {
		switch at := d.At.Local().Format(timeLayout); {
		case !d.Test:
			w.printf("  a real event: %s   %s   %s\n", orDash(d.What), w.paint(green, "✓"), at)
			return true
		case !tested:
			w.printf("  test delivery received   %s   %s\n", w.paint(green, "✓"), at)
			tested = true
		}
		return false
	})
}
