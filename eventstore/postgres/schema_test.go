package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
)

func TestOpenWantsTheSchema(t *testing.T) {
	c := postgres.Config{URL: eventstoretest.PostgresURL(t), MasterKey: eventstore.NewMasterKey()}
	_, err := postgres.Open(t.Context(), c)
	if !errors.Is(err, eventstore.ErrSchema) || !strings.Contains(err.Error(), "duolog migrate up") {
		t.Fatalf("empty database: %v", err)
	}
	if _, err := postgres.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	all, err := postgres.Status(t.Context(), c)
	if err != nil || len(all) == 0 || !all[len(all)-1].Applied {
		t.Fatalf("%+v, %v", all, err)
	}
	store, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	_, err = store.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)")
	if err != nil {
		t.Fatal(err)
	}
	for _, c.Migrate = range []bool{false, true} {
		_, err = postgres.Open(t.Context(), c)
		if !errors.Is(err, eventstore.ErrSchema) || !strings.Contains(err.Error(), "newer") {
			t.Errorf("newer, migrate %v: %v", c.Migrate, err)
		}
	}
}

func TestManyStartAtOnce(t *testing.T) {
	c := postgres.Config{URL: eventstoretest.PostgresURL(t), MasterKey: eventstore.NewMasterKey(), Migrate: true}
	eventstoretest.StartAtOnce(t, 3, func(ctx context.Context) (eventstore.Store, error) {
		return postgres.Open(ctx, c)
	})
}

func TestUnreachableIsUnavailable(t *testing.T) {
	c := postgres.Config{URL: "postgres://nobody:hush@127.0.0.1:1/x", MasterKey: eventstore.NewMasterKey()}
	for _, c.Migrate = range []bool{false, true} {
		_, err := postgres.Open(t.Context(), c)
		if !errors.Is(err, eventstore.ErrUnavailable) || strings.Contains(err.Error(), "hush") {
			t.Errorf("migrate %v: %v", c.Migrate, err)
		}
	}
}

func TestConfigIsValidated(t *testing.T) {
	key := eventstore.NewMasterKey()
	for name, c := range map[string]postgres.Config{
		"no URL": {MasterKey: key}, "bad URL": {URL: "postgres://u:hush@h:port/x", MasterKey: key},
		"no key": {URL: "postgres://h/x"}, "negative": {URL: "postgres://h/x", MasterKey: key, MaxConns: -1},
	} {
		if err := c.Validate(); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScratchLeavesNothing(t *testing.T) {
	c := postgres.Config{URL: eventstoretest.PostgresURL(t)}
	store, drop, err := postgres.Scratch(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	log := eventstoretest.Log(t, store)
	if _, err := log.Append(t.Context(), eventstoretest.Event("1", "{}")); err != nil {
		t.Fatal(err)
	}
	if err := drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.MasterKey = eventstore.NewMasterKey()
	again := open(t, c)
	if names, err := again.Connections(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("%v, %v", names, err)
	}
	rows, err := again.Query(t.Context(), "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'duolog_bench%'")
	left, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (s string, err error) { return s, r.Scan(&s) })
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
