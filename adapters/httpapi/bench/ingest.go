package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/sync/errgroup"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/eventstore"
	logbench "github.com/duolog/duolog/eventstore/bench"
	"github.com/duolog/duolog/eventstore/seal"
)

// Config says how much to measure; zero fields take the defaults.
type Config struct {
	Store   eventstore.Store
	Batches int // webhooks in each run, default 200
	Size    int // events in a webhook, default 100: the most HubSpot sends
	Senders int // webhooks on their way at a time, default 10: HubSpot's default
	Runs    int // interleaved with as many of the baseline, default 3; the median counts
	// Sealing makes the baseline the same ingest without encryption, hashes, Merkle tree and heads, instead of bare inserts.
	Sealing bool
	// Progress is told after each run, with its rate in events a second.
	Progress func(what string, rate float64)
}

// Result holds medians, in events a second.
type Result struct {
	EventsPerSecond         float64 `json:"events_per_second"`
	BaselineEventsPerSecond float64 `json:"baseline_events_per_second"`
	Ratio                   float64 `json:"ratio"`
	Events                  int     `json:"events"` // in each run
	Backend                 string  `json:"backend"`
}

const (
	secret = "bench"
	public = "http://bench.example"
	path   = "/webhooks/hubspot/"
)

// Ingest measures. Every run has a log of its own, named "bench-…"; nothing else in the database is touched.
func Ingest(ctx context.Context, cfg Config) (Result, error) {
	cfg = cfg.withDefaults()
	if err := makeTable(ctx, cfg.Store); err != nil {
		return Result{}, err
	}
	var rates, baselines []float64
	for range cfg.Runs {
		rate, log, err := cfg.measured(ctx, cfg.Sealing, false)
		if err != nil {
			return Result{}, err
		}
		var base float64
		if cfg.Sealing {
			base, _, err = cfg.measured(ctx, false, true)
		} else {
			base, err = cfg.baseline(ctx, log)
		}
		if err != nil {
			return Result{}, err
		}
		cfg.Progress("ingest", rate)
		cfg.Progress("baseline", base)
		rates, baselines = append(rates, rate), append(baselines, base)
	}
	r := Result{
		EventsPerSecond: median(rates), BaselineEventsPerSecond: median(baselines),
		Events: cfg.Batches * cfg.Size, Backend: cfg.Store.Backend(),
	}
	r.Ratio = r.EventsPerSecond / r.BaselineEventsPerSecond
	return r, dropTable(ctx, cfg.Store)
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field *int
		value int
	}{{&c.Batches, 200}, {&c.Size, 100}, {&c.Senders, 10}, {&c.Runs, 3}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if c.Progress == nil {
		c.Progress = func(string, float64) {}
	}
	return c
}

// measured sends all webhooks to a server of this process and returns the rate, and the log they went to. With heads, the
// log is sealed meanwhile, each second; plain, nothing in it is encrypted or hashed.
func (c Config) measured(ctx context.Context, heads, plain bool) (float64, eventstore.Log, error) {
	log, err := c.Store.Log(ctx, "bench-"+ulid.Make().String())
	if err == nil && plain {
		err = logbench.Unsealed(log)
	}
	if err != nil {
		return 0, nil, err
	}
	if heads {
		end, err := c.sealed(ctx, log)
		if err != nil {
			return 0, nil, err
		}
		defer end()
	}
	url, stop, err := c.serve(ctx, log)
	if err != nil {
		return 0, nil, err
	}
	bodies := make([][]byte, c.Batches)
	for i := range bodies {
		bodies[i] = Batch(i, c.Size, time.Now())
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: c.Senders}}
	took, err := c.inParallel(func(i int) error { return post(ctx, client, url, log.Connection(), bodies[i]) })
	client.CloseIdleConnections()
	if err = errors.Join(err, stop()); err != nil {
		return 0, nil, err
	}
	head, err := log.Head(ctx)
	if err == nil && head.Position != int64(c.Batches*c.Size) {
		err = fmt.Errorf("%d events stored of %d sent", head.Position, c.Batches*c.Size)
	}
	return c.rate(took), log, err
}

// sealed seals the log until it is told to end.
func (c Config) sealed(ctx context.Context, log eventstore.Log) (end func(), err error) {
	sealer, err := seal.New(seal.Config{DB: c.Store, Log: log, Every: time.Second})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = sealer.Run(ctx) }) // it ends by ctx alone
	return func() { cancel(); running.Wait() }, nil
}

// serve runs the API for one log and returns its address and what stops it.
func (c Config) serve(ctx context.Context, log eventstore.Log) (string, func() error, error) {
	system, err := hubspot.New(hubspot.Config{Token: "unused", WebhookSecret: secret})
	if err != nil {
		return "", nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	conn := httpapi.Connection{Log: log, HubSpot: ingest.New(ingest.Config{
		Log: log, System: system, Ring: ingest.NewRing(c.Store, nil), Logger: quiet,
	})}
	tokens, err := httpapi.NewStatic("")
	if err != nil {
		return "", nil, err
	}
	handler, err := httpapi.New(httpapi.Config{
		PublicURL: public, Authorizer: tokens, Logger: quiet,
		Connection: func(string) (httpapi.Connection, bool) { return conn, true },
	})
	if err != nil {
		return "", nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- httpapi.Server{Handler: handler, Logger: quiet}.Serve(ctx, l) }()
	return "http://" + l.Addr().String(), func() error { cancel(); return <-done }, nil
}

func post(ctx context.Context, client *http.Client, base, connection string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path+connection, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = Sign(secret, http.MethodPost, public+path+connection, body, time.Now())
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("webhook answered %d: %s", resp.StatusCode, said)
	}
	return err
}

// inParallel does every batch once, by as many senders as configured, and returns how long all took.
func (c Config) inParallel(do func(i int) error) (time.Duration, error) {
	var next atomic.Int64
	var group errgroup.Group
	began := time.Now()
	for range c.Senders {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= c.Batches {
					return nil
				}
				if err := do(i); err != nil {
					return err
				}
			}
		})
	}
	err := group.Wait()
	return time.Since(began), err
}

func (c Config) rate(took time.Duration) float64 { return float64(c.Batches*c.Size) / took.Seconds() }

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
