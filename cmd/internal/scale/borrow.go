package scale

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// A pattern's log is another one than that its copies go to, but what it makes with the connection's secrets must be
// good there: digests and blind tokens are made under the other log's.

type borrowedLog struct {
	eventstore.Log
	vault borrowedVault
}

func borrow(log, secrets eventstore.Log) borrowedLog {
	return borrowedLog{log, borrowedVault{log.Vault(), secrets.Vault()}}
}

func (l borrowedLog) Vault() eventstore.Vault { return l.vault }

type borrowedVault struct {
	eventstore.Vault
	secrets eventstore.Vault
}

func (v borrowedVault) Blind(kind, value string) []byte { return v.secrets.Blind(kind, value) }

func (v borrowedVault) Secret(name string) []byte { return v.secrets.Secret(name) }

// borrowedDB takes a borrowedLog in appends for the log that it is.
type borrowedDB struct{ eventstore.DB }

func (d borrowedDB) InTx(ctx context.Context, fn func(eventstore.Tx) error) error {
	return d.DB.InTx(ctx, func(tx eventstore.Tx) error { return fn(borrowedTx{tx}) })
}

type borrowedTx struct{ eventstore.Tx }

func (t borrowedTx) Append(ctx context.Context, log eventstore.Log, events ...eventstore.NewEvent) (
	[]eventstore.Appended, error,
) {
	l, ok := log.(borrowedLog)
	if !ok {
		return nil, fmt.Errorf("append to %s: not the pattern's log", log.Connection())
	}
	return t.Tx.Append(ctx, l.Log, events...)
}
