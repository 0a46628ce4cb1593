// Package bench measures how fast consumers get a backlog, by each way there is, against one ordered scan of the same
// rows, and how soon those who follow live hear of a commit.
package bench

import (
	"bufio"
	"bytes"
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/subscriber"
	"github.com/duolog/duolog/adapters/stream/watermillsql"
	"github.com/duolog/duolog/eventstore"
)

// Config says what is measured. The log holds the backlog.
type Config struct {
	Store eventstore.Store
	Log   eventstore.Log
	// URL and Key are what stock watermill-sql needs; it is measured on PostgreSQL only.
	URL string
	Key eventstore.MasterKey
	// Followers is how many follow live, compared with one, in turns for so many Rounds; Commits how many events they hear
	// of in each, Every how far apart.
	Followers, Rounds, Commits int
	Every                      time.Duration
	// Listener starts a program that calls Listen with its standard input and output: the followers, who would be on other
	// machines and share nothing with the server.
	Listener func(context.Context) (*exec.Cmd, error)
	// CPUTime is how long the process has used a processor; nil: nobody knows.
	CPUTime func() time.Duration
	// Default is how long watermill-sql's own schema is measured: on a backlog it is too slow to wait for its end.
	Default  time.Duration
	Progress func(what string, rate float64)
}

// Rate is how fast one way is.
type Rate struct {
	Name      string  `json:"name"`
	PerSecond float64 `json:"events_per_second"`
	Ratio     float64 `json:"ratio"` // to the scan
}

// Result is what was measured.
type Result struct {
	Backend string `json:"backend"`
	Events  int64  `json:"events"`
	Rates   []Rate `json:"rates"`
	// OverDefault is how many times as fast stock watermill-sql is with our adapters as with its own schema.
	OverDefault float64   `json:"over_default,omitempty"`
	Live        []Latency `json:"live"`
	// OverOne is how many times as long many wait as one does, by the 99th percentile.
	OverOne float64 `json:"over_one"`
}

// way is a way to get a backlog; it returns how many events came.
type way struct {
	name string
	run  func(ctx context.Context) (int64, error)
}

const token = "bench"

// Run measures all ways one after the other.
func Run(ctx context.Context, c Config) (Result, error) {
	if c.Listener == nil {
		return Result{}, errors.New("no program listens: set Listener")
	}
	head, err := c.Log.Head(ctx)
	if err != nil {
		return Result{}, err
	}
	r := Result{Backend: c.Store.Backend(), Events: head.Position}
	url, stop, err := c.serve(ctx)
	if err != nil {
		return r, err
	}
	defer stop()
	ways := []way{
		{"scan", func(ctx context.Context) (int64, error) { return c.scan(ctx, head.Position) }},
		{"ndjson", func(ctx context.Context) (int64, error) { return c.ndjson(ctx, url) }},
		{"subscriber", func(ctx context.Context) (int64, error) { return c.subscriber(ctx, head.Position) }},
	}
	if c.Store.Backend() == "postgres" {
		ways = append(ways,
			way{"watermill-sql, our adapters", func(ctx context.Context) (int64, error) { return c.stock(ctx, head.Position) }},
			way{"watermill-sql, its schema", c.itsSchema})
	}
	for _, w := range ways {
		began := time.Now()
		n, err := w.run(ctx)
		if err != nil {
			return r, fmt.Errorf("%s: %w", w.name, err)
		}
		took := time.Since(began)
		if w.name == "watermill-sql, its schema" {
			took = c.Default // of which the making of its table is not a part
		}
		rate := Rate{Name: w.name, PerSecond: float64(n) / took.Seconds()}
		r.Rates = append(r.Rates, rate)
		r.Rates[len(r.Rates)-1].Ratio = rate.PerSecond / r.Rates[0].PerSecond
		if c.Progress != nil {
			c.Progress(w.name, rate.PerSecond)
		}
	}
	if n := len(r.Rates); n == 5 {
		r.OverDefault = r.Rates[3].PerSecond / max(r.Rates[4].PerSecond, 0.001)
	}
	r.Live, r.OverOne, err = c.followed(ctx, url)
	return r, err
}

// serve runs the API over the log.
func (c Config) serve(ctx context.Context) (url string, stop func(), err error) {
	auth, err := httpapi.NewStatic(token)
	if err != nil {
		return "", nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	api, err := httpapi.New(httpapi.Config{ //nolint:contextcheck // a handler takes its request's
		PublicURL: "http://localhost", Authorizer: auth, Logger: quiet,
		Connection: func(string) (httpapi.Connection, bool) { return httpapi.Connection{Log: c.Log}, true },
	})
	if err != nil {
		return "", nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = httpapi.Server{Handler: api, Logger: quiet, Grace: time.Second}.Serve(ctx, l) // it ends with ctx
	}()
	return "http://" + l.Addr().String() + "/v1/connections/bench/events", func() { cancel(); <-done }, nil
}

// scan reads every row in order, as little as that can be: nothing is opened, nothing written anywhere.
func (c Config) scan(ctx context.Context, until int64) (int64, error) {
	rows, err := c.Store.Query(ctx, `SELECT position, id, stream, type, schema, occurred_at, recorded_at, actor, causation,
		subject, data, hash FROM event WHERE connection = $1 AND position <= $2 ORDER BY connection, position`,
		c.Log.Connection(), until)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	var e eventstore.Event
	var id, hash []byte
	var n, schema int64
	for rows.Next() {
		if err := rows.Scan(&e.Position, &id, &e.Stream, &e.Type, &schema, &e.OccurredAt, &e.RecordedAt, &e.Actor,
			&e.Causation, &e.Subject, &e.Data, &hash); err != nil {
			return n, err
		}
		n++
	}
	return n, rows.Err()
}

// ndjson reads the feed over HTTP, as a consumer that goes on with the checkpoint of each answer.
func (c Config) ndjson(ctx context.Context, url string) (total int64, err error) {
	for after := ""; ; {
		n, next, err := c.answer(ctx, url+"?limit=10000&after="+after)
		if total += n; err != nil || n == 0 {
			return total, err
		}
		after = next
	}
}

func (c Config) answer(ctx context.Context, url string) (lines int64, next string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return 0, "", fmt.Errorf("answered %s", resp.Status)
	}
	body := bufio.NewReaderSize(resp.Body, 1<<20)
	for {
		chunk, err := body.ReadSlice('\n')
		lines += int64(bytes.Count(chunk, []byte{'\n'}))
		if errors.Is(err, io.EOF) {
			return lines, resp.Header.Get("Duolog-Next"), nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return lines, "", err
		}
	}
}

// subscriber drains the log by our own Watermill subscriber.
func (c Config) subscriber(ctx context.Context, until int64) (int64, error) {
	sub, err := subscriber.New(subscriber.Config{Store: c.Store, Group: "bench-subscriber", Data: cloudevent.Full, Batch: 1000})
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Close() }()
	return drain(ctx, sub, c.Log.Connection(), until)
}

// drain acknowledges so many messages.
func drain(ctx context.Context, sub message.Subscriber, topic string, until int64) (n int64, err error) {
	messages, err := sub.Subscribe(ctx, topic)
	if err != nil {
		return 0, err
	}
	for n < until {
		select {
		case m, ok := <-messages:
			if !ok {
				return n, errors.New("the subscription ended")
			}
			m.Ack()
			n++
		case <-ctx.Done():
			return n, ctx.Err()
		}
	}
	return n, nil
}

// stock drains the log by watermill-sql with our adapters.
func (c Config) stock(ctx context.Context, until int64) (int64, error) {
	db, err := stdsql.Open("pgx", c.URL)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	a, err := watermillsql.New(ctx, db, watermillsql.Config{
		Connection: c.Log.Connection(), MasterKey: c.Key, Data: cloudevent.Full, Batch: 1000,
	})
	if err != nil {
		return 0, err
	}
	sub, err := sql.NewSubscriber(db, sql.SubscriberConfig{ConsumerGroup: "bench-sql", SchemaAdapter: a, OffsetsAdapter: a}, watermill.NopLogger{})
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Close() }()
	return drain(ctx, sub, c.Log.Connection(), until)
}

// itsSchema reads as many messages of the same size as it can in the time there is, by watermill-sql's own schema with its
// own batch of 100.
func (c Config) itsSchema(ctx context.Context) (n int64, err error) {
	db, err := stdsql.Open("pgx", c.URL)
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	schema, offsets := sql.DefaultPostgreSQLSchema{}, sql.DefaultPostgreSQLOffsetsAdapter{}
	const topic = "duolog_bench"
	for _, q := range append(schema.SchemaInitializingQueries(topic), offsets.SchemaInitializingQueries(topic)...) {
		if _, err := db.ExecContext(ctx, q.Query, q.Args...); err != nil {
			return 0, err
		}
	}
	defer func() {
		ctx := context.WithoutCancel(ctx)
		_, e1 := db.ExecContext(ctx, `DROP TABLE `+schema.MessagesTable(topic))
		_, e2 := db.ExecContext(ctx, `DROP TABLE `+offsets.MessagesOffsetsTable(topic))
		err = errors.Join(err, e1, e2)
	}()
	_, err = db.ExecContext(ctx, `INSERT INTO `+schema.MessagesTable(topic)+` (uuid, payload, metadata, transaction_id)
		SELECT gen_random_uuid(), json_build_object('d', encode(substr(data, 1, length(data) / 2), 'hex')), '{}', pg_current_xact_id()
		FROM event WHERE connection = $1 ORDER BY position`, c.Log.Connection())
	if err == nil {
		_, err = db.ExecContext(ctx, `ANALYZE `+schema.MessagesTable(topic))
	}
	if err != nil {
		return 0, err
	}
	sub, err := sql.NewSubscriber(db, sql.SubscriberConfig{
		ConsumerGroup: "bench", SchemaAdapter: schema, OffsetsAdapter: offsets, PollInterval: 10 * time.Millisecond,
	}, watermill.NopLogger{})
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Close() }()
	ctx, cancel := context.WithTimeout(ctx, c.Default)
	defer cancel()
	n, err = drain(ctx, sub, topic, 1<<62)
	if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		err = nil
	}
	return n, err
}
