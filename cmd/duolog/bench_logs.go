package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
)

// benchLogs opens logs of a bench more than once, so that what is measured begins with nothing in memory. The key under
// which they were filled lies in a temporary folder, unless there is one.
type benchLogs struct {
	*cli
	key    string
	folder func() error
}

func (c *cli) benchLogs() (benchLogs, error) {
	folder, err := c.benchFolder()
	if err != nil {
		return benchLogs{}, err
	}
	key, err := os.MkdirTemp("", "duolog-bench-key-")
	if err != nil {
		return benchLogs{}, errors.Join(err, folder())
	}
	return benchLogs{cli: c, key: key, folder: folder}, nil
}

// on does a step with a log open; a clock, when given, says when events are recorded.
func (l benchLogs) on(log string, clock func() time.Time, do action) func(*cobra.Command, []string) error {
	return with(func(ctx context.Context) (*app.App, error) {
		return l.open(ctx, func(cfg *app.Config) {
			cfg.Ephemeral, cfg.Connection, cfg.Clock = true, log, clock
			if cfg.MasterKeyFile == "" && strings.HasPrefix(cfg.DatabaseURL, "postgres") {
				cfg.MasterKeyFile = filepath.Join(l.key, "master.key")
			}
		})
	}, do)
}

// clean removes what was made for the bench, but for logs in a database that was named.
func (l benchLogs) clean() error { return errors.Join(os.RemoveAll(l.key), l.folder()) }
