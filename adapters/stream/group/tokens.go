package group

import (
	"context"
	"fmt"

	"github.com/duolog/duolog/eventstore"
)

// maxToken bounds what a token is named by.
const maxToken = 100

var tokenOp = eventstore.BulkOp{Mode: eventstore.InsertNew, Table: "consumer_token", Key: 3, Columns: []eventstore.Column{
	col("connection", eventstore.Text), col("consumer", eventstore.Text), col("token", eventstore.Text),
}}

// Grant lets the holder of a token move the consumer. What a token is named by is the caller's.
func (g *Groups) Grant(ctx context.Context, name, token string) error {
	if token == "" || len(token) > maxToken {
		return fmt.Errorf("%w: a token is named by 1 to %d characters", ErrBadSpec, maxToken)
	}
	return g.db.InTx(ctx, func(tx eventstore.Tx) error { // its row is locked: a deletion takes the grant with it
		n, err := tx.Exec(ctx, `UPDATE consumer SET epoch = epoch WHERE connection = $1 AND name = $2`, g.log.Connection(), name)
		if err == nil && n == 0 {
			err = unknown(name)
		}
		if err != nil {
			return err
		}
		return g.admit(ctx, tx, name, token)
	})
}

func (g *Groups) admit(ctx context.Context, tx eventstore.Tx, name, token string) error {
	return tx.Bulk(ctx, tokenOp, [][]any{{g.log.Connection(), name, token}})
}

// Withdraw ends that. ErrNotGranted when the token could not move it.
func (g *Groups) Withdraw(ctx context.Context, name, token string) error {
	if _, err := g.Get(ctx, name); err != nil {
		return err
	}
	n, err := g.db.Exec(ctx, `DELETE FROM consumer_token WHERE connection = $1 AND consumer = $2 AND token = $3`,
		g.log.Connection(), name, token)
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: %s", ErrNotGranted, name)
	}
	return err
}

// Granted returns the tokens that may move a consumer; ErrUnknown when there is none of this name.
func (g *Groups) Granted(ctx context.Context, name string) ([]string, error) {
	tokens, err := g.granted(ctx, name)
	if err != nil || len(tokens) > 0 {
		return tokens, err
	}
	there, err := g.rows(ctx, g.db, name)
	if err == nil && len(there) == 0 {
		err = unknown(name)
	}
	return nil, err
}

func (g *Groups) granted(ctx context.Context, name string) ([]string, error) {
	rows, err := g.db.Query(ctx, `SELECT token FROM consumer_token WHERE connection = $1 AND consumer = $2
		ORDER BY connection, consumer, token`, g.log.Connection(), name)
	tokens, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (t string, err error) { return t, r.Scan(&t) })
	if err != nil {
		return nil, fmt.Errorf("read who may move %s: %w", name, err)
	}
	return tokens, nil
}
