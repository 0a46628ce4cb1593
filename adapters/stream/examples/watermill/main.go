// Command watermill is a service that reacts to contact changes with Watermill's Router, on SQLite or PostgreSQL. Start
// as many as you like: they share the work, and the changes of a contact stay in order.
//
//	DUOLOG_DATABASE_URL=sqlite:duolog-demo/duolog.db DUOLOG_MASTER_KEY_FILE=duolog-demo/master.key \
//	    go run ./adapters/stream/examples/watermill
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/subscriber"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/eventstore/sqlite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	store, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	sub, err := subscriber.New(subscriber.Config{
		Store: store, Group: "example-watermill",
		Filter: stream.Filter{View: stream.Contacts}, // one message for each real change
		Data:   cloudevent.Full,
	})
	if err != nil {
		return err
	}
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	retry := middleware.Retry{MaxRetries: 5, InitialInterval: 100 * time.Millisecond, Multiplier: 2}
	router.AddMiddleware(retry.Middleware, middleware.Recoverer) // Recoverer last: a panic is tried again, too
	router.AddConsumerHandler("contacts", "default", sub, changed)
	return router.Run(ctx)
}

// changed is what the service is for. What it returns an error for comes again.
func changed(m *message.Message) error {
	var event struct {
		Sequence string         `json:"sequence"`
		Data     stream.Changed `json:"data"`
	}
	if err := json.Unmarshal(m.Payload, &event); err != nil {
		return err
	}
	for field, c := range event.Data.Fields {
		fmt.Fprintf(os.Stdout, "%s  %s: %s was %s, is %s\n", event.Sequence, event.Data.Record, field, c.Before, c.After)
	}
	return nil
}

func open(ctx context.Context) (eventstore.Store, error) {
	key, err := eventstore.LoadMasterKey(os.Getenv("DUOLOG_MASTER_KEY_FILE"))
	if err != nil {
		return nil, err
	}
	url := os.Getenv("DUOLOG_DATABASE_URL")
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return sqlite.Open(ctx, sqlite.Config{Path: path, MasterKey: key})
	}
	return postgres.Open(ctx, postgres.Config{URL: url, MasterKey: key, MaxConns: 4})
}
