package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// Scratch opens a store in a new schema of the database, for measurements; drop closes the store and removes the
// schema with everything in it. A configuration without a master key gets one that is forgotten.
func Scratch(ctx context.Context, c Config) (store eventstore.Store, drop func(context.Context) error, err error) {
	random := make([]byte, 6)
	_, _ = rand.Read(random) // never fails
	schema := "duolog_bench_" + hex.EncodeToString(random)
	if err := execute(ctx, c, "CREATE SCHEMA "+schema); err != nil {
		return nil, nil, fmt.Errorf("make a scratch schema: %w", err)
	}
	remove := func(ctx context.Context) error { return execute(ctx, c, "DROP SCHEMA "+schema+" CASCADE") }
	inside := c
	inside.Schema, inside.Migrate = schema, true
	if inside.MasterKey.IsZero() {
		inside.MasterKey = eventstore.NewMasterKey()
	}
	if store, err = Open(ctx, inside); err != nil {
		return nil, nil, errors.Join(err, remove(context.WithoutCancel(ctx)))
	}
	return store, func(ctx context.Context) error { return errors.Join(store.Close(), remove(ctx)) }, nil
}

func execute(ctx context.Context, c Config, statement string) (err error) {
	db, err := openSQL(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, statement)
	return translate(err)
}
