package sqlite_test

import (
	"context"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

// passing stores only events whose keys are new, after the head has moved for all.
type passing struct{ engine.Driver }

func (d passing) Insert(ctx context.Context, q eventstore.Querier, b *engine.Batch) (base, at int64, err error) {
	keys := make([][]byte, len(b.Rows))
	for i, row := range b.Rows {
		keys[i] = row.Key
	}
	rows, err := q.QueryKeys(ctx, "SELECT key FROM append_key WHERE connection = $1 AND key IN ($keys)", keys, b.Connection)
	found, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (key []byte, err error) { return key, r.Scan(&key) })
	if err != nil {
		return 0, 0, err
	}
	there := map[string]bool{}
	for _, key := range found {
		there[string(key)] = true
	}
	return d.Driver.Insert(ctx, passingQuerier{q, b.Rows, there}, b)
}

type passingQuerier struct {
	eventstore.Querier
	batch []*engine.Row
	there map[string]bool
}

func (q passingQuerier) Bulk(ctx context.Context, op eventstore.BulkOp, rows [][]any) error {
	if op.Table != "event" && op.Table != "append_key" {
		return q.Querier.Bulk(ctx, op, rows)
	}
	var fresh [][]any
	for i, row := range rows {
		if !q.there[string(q.batch[i].Key)] {
			fresh = append(fresh, row)
		}
	}
	return q.Querier.Bulk(ctx, op, fresh)
}

// The one writer looks at what is there now: of the wrong forms that PostgreSQL knows, the look-up that has seen what was
// there before does not exist here.
var wrongForms = eventstoretest.WrongForms{
	"do nothing on conflict": {
		Wrap: func(d engine.Driver) engine.Driver { return passing{d} },
		Fails: map[string]string{
			"Idempotent/KeyOfAnother":  `head is at 2 recorded \d+, want 1`,
			"Idempotent/WaitingForOne": `head is at 4 recorded \d+, want 3`,
		},
	},
	"no second way": {
		Wrap:  eventstoretest.Final,
		Fails: map[string]string{"GroupCommit/KeyTakenElsewhere": `a neighbour: .*dedupe key is taken`},
	},
}

// TestWrongFormsFail: the suite is not passed by the forms of the append that leave holes or fail those who did nothing.
func TestWrongFormsFail(t *testing.T) { wrongForms.Fail(t) }
