package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
)

const demoHelp = `Run Duolog between two pretend CRMs, in one process: people are matched, missing ones are made in Aloware,
pretend reps keep editing on both sides, and everything is stored, decided and explained. Nothing leaves your machine.

It goes on until Ctrl-C, or for --duration, and ends by comparing both sides field by field: what differs must be
explained by a decision. Its log lies in ./duolog-demo and is marked as a demo's; "serve" refuses it. While it runs,
and after, look at it from another terminal with DUOLOG_DATA=duolog-demo.`

const demoExample = `  duolog demo
  duolog demo --contacts 500 --duration 30s --json
  DUOLOG_DATA=duolog-demo duolog contact history jane.cooper@example.com`

type demoOptions struct {
	addr     string
	contacts int
	duration time.Duration
	rate     float64
	seed     uint64
	reset    bool
}

func (c *cli) demo() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use: "demo", Short: "Try it: a sync between two pretend CRMs, with traffic", Long: demoHelp, Example: demoExample,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.runDemo(cmd.Context(), o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "where Duolog listens")
	f.IntVar(&o.contacts, "contacts", 500, "people in the pretend HubSpot; Aloware knows most of them")
	f.DurationVar(&o.duration, "duration", 0, "how long the traffic lasts; 0: until Ctrl-C")
	f.Float64Var(&o.rate, "rate", 5, "changes a second made by pretend reps")
	f.Uint64Var(&o.seed, "seed", 1, "of people and traffic: the same seed gives the same")
	f.BoolVar(&o.reset, "reset", false, "start over: delete the demo's data first")
	return cmd
}

// demoData are the files a demo leaves in its folder; --reset deletes these and nothing else.
var demoData = []string{"duolog.db", "duolog.db-wal", "duolog.db-shm", "duolog.db.migrate", "master.key", "admin.token"}

// demoFolder is the demo's data folder, empty of an earlier demo: the pretend CRMs live in memory, so a log cannot be
// continued. Only a demo's log is ever deleted: --data may name a real one.
func (c *cli) demoFolder(ctx context.Context, reset bool) (string, error) {
	dir := c.data
	if dir == "" {
		dir = "duolog-demo"
	}
	_, err := os.Stat(filepath.Join(dir, demoData[0]))
	if errors.Is(err, fs.ErrNotExist) {
		return dir, nil
	}
	if err != nil {
		return "", err
	}
	if !c.isDemo(ctx, dir) {
		return "", hint(fmt.Errorf("%s holds a log that is not a demo's", dir), "give the demo a folder of its own with --data DIR")
	}
	if !reset {
		return "", hint(fmt.Errorf("%s holds the data of an earlier demo", dir),
			"duolog demo --reset starts over; --data DIR takes another folder")
	}
	for _, name := range demoData {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return dir, os.RemoveAll(filepath.Join(dir, "heads"))
}

// isDemo tells whether the log in a folder is a demo's, or nothing was ever written to it. One that cannot be read is
// taken for somebody's own.
func (c *cli) isDemo(ctx context.Context, dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, "master.key")); err != nil {
		return false // opening would make another key
	}
	a, err := app.Open(ctx, app.Config{
		Connection: "default", Data: dir, DatabaseURL: "sqlite:" + filepath.Join(dir, demoData[0]),
		MasterKeyFile: filepath.Join(dir, "master.key"),
	}, c.demoLogger())
	if err != nil {
		return false
	}
	defer func() { _ = a.Close() }()
	head, err := a.Log.Head(ctx)
	if err != nil {
		return false
	}
	events, err := a.Log.ReadStream(ctx, "connection", 0, 100)
	for _, e := range events {
		var o domain.Opened
		if e.Type == domain.ConnectionOpened && domain.Decode(e.Type, e.Schema, e.Data, &o) == nil {
			return o.Demo
		}
	}
	return err == nil && head.Position == 0
}

func (c *cli) runDemo(ctx context.Context, o demoOptions) error {
	listener, err := listen(ctx, o.addr, "addr")
	if err != nil {
		return err
	}
	dir, err := c.demoFolder(ctx, o.reset)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	boxes, err := demoSandboxes(ctx, o, "http://"+listener.Addr().String())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer boxes.close()
	a, err := app.Open(ctx, demoConfig(dir, listener.Addr().String(), boxes), c.demoLogger())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(serving, listener) }()
	d := &demo{cli: c, App: a, demoOptions: o, boxes: boxes, dir: dir, ended: ended}
	err = d.run(ctx)
	stop()
	if d.ended != nil {
		err = errors.Join(err, <-ended)
	}
	return errors.Join(err, a.Close())
}

// demoSandboxes starts both stand-ins on their usual ports, or on free ones when those are taken.
func demoSandboxes(ctx context.Context, o demoOptions, base string) (*sandboxes, error) {
	s := sandboxOptions{
		hubspotAddr: "127.0.0.1:8181", alowareAddr: "127.0.0.1:8182", contacts: o.contacts, webhooksTo: base,
		secret: "sandbox", token: "sandbox", hubspotTries: 10, alowareTries: 3,
	}
	s.faults.Seed, s.faults.RateLimit, s.faults.RetryInterval = o.seed, -1, time.Second
	boxes, err := newSandboxes(ctx, s, "default")
	if err == nil {
		return boxes, nil
	}
	s.hubspotAddr, s.alowareAddr = "127.0.0.1:0", "127.0.0.1:0"
	return newSandboxes(ctx, s, "default")
}

func demoConfig(dir, addr string, boxes *sandboxes) app.Config {
	return app.Config{
		Connection: "default", Data: dir, DatabaseURL: "sqlite:" + filepath.Join(dir, "duolog.db"), Addr: addr,
		PublicURL: "http://" + addr, MasterKeyFile: filepath.Join(dir, "master.key"), APIToken: "demo", Demo: true,
		HubSpot: app.HubSpot{
			BaseURL: "http://" + boxes.hubspotL.Addr().String(), AccessToken: "demo", ClientSecret: "sandbox",
		},
		Aloware: app.Aloware{
			BaseURL: "http://" + boxes.alowareL.Addr().String(), APIToken: "demo", WebhookToken: "sandbox",
		},
	}
}

// demoLogger keeps the screen for the story: only what is wrong is logged.
func (c *cli) demoLogger() *slog.Logger {
	return slog.New(slog.NewTextHandler(c.err, &slog.HandlerOptions{Level: slog.LevelError}))
}

// held is what both stand-ins hold, by record.
func (s *sandboxes) held() map[domain.Record]map[string]string {
	out := map[domain.Record]map[string]string{}
	for _, p := range s.aloware.All() {
		out[domain.Record{System: domain.Aloware, ID: p.ID}] = p.Properties
	}
	for _, p := range s.hubspot.All() {
		out[domain.Record{System: domain.HubSpot, ID: p.ID}] = p.Properties
	}
	return out
}
