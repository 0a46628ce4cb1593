// Command watermillsql is a service on PostgreSQL that reads Duolog's events with stock watermill-sql: only the two
// adapters are ours. It has its own connection pool and needs no master key, for it looks at what happened to which
// record, and not at values.
//
//	DUOLOG_DATABASE_URL=postgres://… go run ./adapters/stream/examples/watermillsql
package main

import (
	"context"
	stdsql "database/sql"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/duolog/duolog/adapters/stream/watermillsql"
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
	db, err := stdsql.Open("pgx", os.Getenv("DUOLOG_DATABASE_URL"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	events, err := watermillsql.New(ctx, db, watermillsql.Config{Connection: "default"})
	if err != nil {
		return err
	}
	deadline := time.Hour // of a message; watermill-sql takes no 0
	sub, err := sql.NewSubscriber(db, sql.SubscriberConfig{
		ConsumerGroup: "example-watermillsql", SchemaAdapter: events, OffsetsAdapter: events,
		PollInterval: 100 * time.Millisecond, AckDeadline: &deadline,
	}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return err
	}
	router.AddConsumerHandler("events", "default", sub, func(m *message.Message) error {
		fmt.Fprintln(os.Stdout, m.Metadata["position"], m.Metadata["type"], m.Metadata["stream"])
		return nil
	})
	// Close lets the batch under way be acknowledged; a context that ends would roll it back, to come once more.
	context.AfterFunc(ctx, func() { _ = router.Close() })
	return router.Run(context.WithoutCancel(ctx))
}
