package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
)

const serveHelp = `Run the sync, and its HTTP service: webhooks in, the event feed, contacts, health. Beside the connection "default" it
serves those whose credentials duolog connect has stored, and those a configuration file names; --connection NAME has it
serve that one alone. On SIGHUP it reads the file again, and takes along what was added.

Where to find things, in a file given with --config, or in the environment, which overrides it:

  DUOLOG_DATABASE_URL      sqlite:PATH or postgres://…    (default: a SQLite file in duolog-data)
  DUOLOG_MASTER_KEY_FILE   the key everything personal is sealed under; made when missing.
                           With PostgreSQL it must be named, and kept elsewhere than the database
  DUOLOG_ADDR              where to listen                (default 127.0.0.1:8080)
  DUOLOG_PUBLIC_URL        how the world reaches that; HubSpot's signatures are checked against it
  DUOLOG_API_TOKEN         an admin token for the HTTP service

  HUBSPOT_ACCESS_TOKEN     or HUBSPOT_CLIENT_ID with HUBSPOT_REFRESH_TOKEN
  HUBSPOT_CLIENT_SECRET    checks the signatures of webhooks
  ALOWARE_API_TOKEN        of an Aloware admin
  ALOWARE_WEBHOOK_TOKEN    the Bearer value entered in Aloware's webhook form

Events are forwarded to NATS JetStream and to webhooks as the file says, under the key forward:

  forward:
    - name: bus                  # of the consumer that keeps the checkpoint: duolog consumers list
      nats: {url: "nats://127.0.0.1:4222", stream: DUOLOG, prefix: duolog}
    - name: crm
      webhook: {url: "https://example.com/duolog", secret_file: /etc/duolog/crm.secret}
      view: contacts             # also type, field, system, data: ids|masked|full, from: start|head

Every secret may come from a file instead: HUBSPOT_ACCESS_TOKEN_FILE and so on.

Send webhooks to  PUBLIC_URL/webhooks/hubspot/default  and  PUBLIC_URL/webhooks/aloware/default.
A new connection starts under the preset "default", in mode live. To look before anything is sent, say so before the
first start: duolog mode observe`

func (c *cli) serve() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the sync and its HTTP service", Long: serveHelp, Args: none,
		Example: "  duolog serve\n  duolog serve --addr 0.0.0.0:8080 --config duolog.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.runServe(cmd.Context(), addr)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "", "where to listen (DUOLOG_ADDR; default 127.0.0.1:8080)")
	return cmd
}

func (c *cli) runServe(ctx context.Context, addr string) (err error) {
	cfg, err := c.config(func(cfg *app.Config) {
		if addr != "" {
			cfg.Addr = addr
		}
	})
	if err != nil {
		return err
	}
	l, err := listen(ctx, cfg.Addr, "addr") // before a log is made: a port in use leaves no trace
	if err != nil {
		return err
	}
	a, err := app.Open(ctx, cfg, c.logger(slog.LevelInfo))
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	c.note("Duolog listens on http://%s, connection %s in %s\n", l.Addr(), cfg.Connection, cfg.Database())
	c.note("Webhooks are expected at %s/webhooks/{hubspot,aloware}/%s. Ctrl-C ends it.\n", cfg.PublicURL, cfg.Connection)
	again, done := hangups()
	defer done()
	err = a.ServeBeside(ctx, l, app.Beside{Again: again, Connections: func(ctx context.Context) ([]app.Config, error) {
		if cfg.Connection != app.DefaultConnection {
			return nil, nil // it was named: that one alone
		}
		now, err := c.config(func(n *app.Config) { n.Addr, n.PublicURL = cfg.Addr, cfg.PublicURL })
		if err != nil {
			return nil, err
		}
		return a.Others(ctx, now)
	}})
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		c.note("Duolog stopped. What was not sent yet is sent after the next start.\n")
		return nil
	case errors.Is(err, app.ErrRefused):
		return hint(err, "--data DIR names another folder, --database-url another database; is DUOLOG_DATA set?")
	}
	return err
}

// hangups fires when the process is told to read its configuration again.
func hangups() (again <-chan struct{}, done func()) {
	signals, out := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGHUP)
	end := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
				select {
				case out <- struct{}{}:
				default:
				}
			case <-end:
				return
			}
		}
	}()
	return out, func() { signal.Stop(signals); close(end) }
}

// listen opens a port; flag is the one that names another.
func listen(ctx context.Context, addr, flag string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err == nil {
		return l, nil
	}
	var op *net.OpError
	if errors.As(err, &op) { // its own text names the address a second time
		err = op.Err
	}
	return nil, hint(fmt.Errorf("listen on %s: %w", addr, err),
		"another program may be using it: end that one, or take another port with --%s", flag)
}
