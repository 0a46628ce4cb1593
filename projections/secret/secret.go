// Package secret keeps what opens a connection's systems, sealed under the connection's key: tokens people gave to
// connect, and refresh tokens the systems hand out. They stand in no event, so that they can be taken away again.
package secret

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// Box holds the secrets of a connection.
type Box struct {
	DB         eventstore.DB
	Vault      eventstore.Vault
	Connection string
}

// Of is the box of a log's connection.
func Of(db eventstore.DB, log eventstore.Log) Box {
	return Box{DB: db, Vault: log.Vault(), Connection: log.Connection()}
}

// Connections lists the connections that keep a secret of a name.
func Connections(ctx context.Context, db eventstore.DB, name string) ([]string, error) {
	rows, err := db.Query(ctx, "SELECT connection FROM secret WHERE name = $1 ORDER BY connection", name)
	names, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (string, error) {
		var name string
		return name, r.Scan(&name)
	})
	if err != nil {
		return nil, fmt.Errorf("list connections: %w", err)
	}
	return names, nil
}

// All opens every secret, by name.
func (b Box) All(ctx context.Context) (map[string]string, error) {
	type row struct {
		name   string
		sealed []byte
	}
	rows, err := b.DB.Query(ctx, "SELECT name, sealed FROM secret WHERE connection = $1 ORDER BY name", b.Connection)
	all, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (row, error) {
		var s row
		return s, r.Scan(&s.name, &s.sealed)
	})
	if err != nil {
		return nil, fmt.Errorf("read the connection's secrets: %w", err)
	}
	out := make(map[string]string, len(all))
	for _, s := range all {
		plain, err := b.Vault.Open(ctx, eventstore.SubjectLog, purpose(s.name), s.sealed)
		if err != nil {
			return nil, fmt.Errorf("open the secret %s: %w", s.name, err)
		}
		out[s.name] = string(plain)
	}
	return out, nil
}

// Put keeps a secret in place of the one of its name; an empty one is removed. at is µs UTC.
func (b Box) Put(ctx context.Context, at int64, secrets map[string]string) error {
	sealed := make(map[string][]byte, len(secrets))
	for name, text := range secrets {
		if text == "" {
			continue
		}
		s, err := b.Vault.Seal(ctx, eventstore.SubjectLog, purpose(name), []byte(text))
		if err != nil {
			return fmt.Errorf("seal the secret %s: %w", name, err)
		}
		sealed[name] = s
	}
	err := b.DB.InTx(ctx, func(tx eventstore.Tx) error {
		for name := range secrets {
			if _, err := tx.Exec(ctx, "DELETE FROM secret WHERE connection = $1 AND name = $2", b.Connection, name); err != nil {
				return err
			}
			if s, ok := sealed[name]; ok {
				if _, err := tx.Exec(ctx, "INSERT INTO secret (connection, name, sealed, updated_at) VALUES ($1, $2, $3, $4)",
					b.Connection, name, s, at); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep the connection's secrets: %w", err)
	}
	return nil
}

// Claim takes a turn of a name until a moment, µs UTC, unless another holds it; who is done removes it like a secret.
func (b Box) Claim(ctx context.Context, name string, now, until int64) (mine bool, err error) {
	sealed, err := b.Vault.Seal(ctx, eventstore.SubjectLog, purpose(name), []byte("claimed"))
	if err != nil {
		return false, fmt.Errorf("seal the turn %s: %w", name, err)
	}
	err = b.DB.InTx(ctx, func(tx eventstore.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM secret WHERE connection = $1 AND name = $2 AND updated_at <= $3",
			b.Connection, name, now); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `INSERT INTO secret (connection, name, sealed, updated_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (connection, name) DO NOTHING`, b.Connection, name, sealed, until)
		mine = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take the turn %s: %w", name, err)
	}
	return mine, nil
}

// purpose binds a sealed secret to its name.
func purpose(name string) string { return "secret/" + name }
