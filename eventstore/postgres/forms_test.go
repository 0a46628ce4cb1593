package postgres_test

import (
	"context"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/internal/engine"
	"github.com/duolog/duolog/eventstore/postgres"
)

// edited appends by another statement.
type edited struct {
	engine.Driver
	edit *strings.Replacer
}

func (d edited) Insert(ctx context.Context, q eventstore.Querier, b *engine.Batch) (base, at int64, err error) {
	if q == eventstore.Querier(d) {
		q = d.Driver
	}
	query, args := postgres.InsertStatement(b)
	rows, err := q.Query(ctx, d.edit.Replace(query), args...)
	_, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (none struct{}, err error) {
		return none, r.Scan(&base, &at)
	})
	return base, at, err
}

const (
	eventsEnd = "key_hash, hash, n)\n"
	keysEnd   = "AS u(key, n)\n"
)

// passOver stores only events whose keys are new, which the one statement knows by what it stored of the keys.
var passOver = strings.NewReplacer(
	"WITH head AS", "WITH RECURSIVE head AS", // so that events may name what comes later
	eventsEnd, "key_hash, hash, n)\n   WHERE head.base + u.n IN (SELECT position FROM keys)\n",
	keysEnd, keysEnd+" ON CONFLICT DO NOTHING RETURNING position\n")

// lookUp numbers and stores only events whose keys are not there, by what was there before the head's lock was waited
// for.
var lookUp = strings.NewReplacer(
	"WITH head AS", `WITH fresh AS (
  SELECT u.i, row_number() OVER (ORDER BY u.i) AS n FROM unnest($16::bytea[]) WITH ORDINALITY AS u(key, i)
   WHERE NOT EXISTS (SELECT FROM append_key k WHERE k.connection = $1 AND k.key = u.key)
), head AS`,
	"position + $3,", "position + LEAST($3, (SELECT COUNT(*) FROM fresh)),",
	"position - $3 AS", "position - LEAST($3, (SELECT COUNT(*) FROM fresh)) AS",
	"head.base + u.n", "head.base + fresh.n",
	eventsEnd, "key_hash, hash, i) JOIN fresh USING (i)\n",
	keysEnd, "AS u(key, i) JOIN fresh USING (i)\n")

var wrongForms = eventstoretest.WrongForms{
	// The head has moved for an event that is not stored: a hole.
	"do nothing on conflict": {
		Wrap: func(d engine.Driver) engine.Driver { return edited{d, passOver} },
		Fails: map[string]string{
			"Idempotent/KeyOfAnother":  `head is at 2 recorded \d+, want 1`,
			"Idempotent/WaitingForOne": `head is at 4 recorded \d+, want 3`,
		},
	},
	// Of one who waited for the head, the look-up has not seen what the head's last owner stored: the key is taken.
	"look up in the same statement": {
		Wrap: func(d engine.Driver) engine.Driver { return eventstoretest.Final(edited{d, lookUp}) },
		Fails: map[string]string{
			"Idempotent/KeyOfAnother":  `the repetition gave .*Duplicate:false`,
			"Idempotent/WaitingForOne": `append: .*append_key_pkey.*23505`,
		},
	},
	// One key that is taken fails the neighbours' appends with its own.
	"no second way": {
		Wrap:  eventstoretest.Final,
		Fails: map[string]string{"GroupCommit/KeyTakenElsewhere": `a neighbour: .*append_key_pkey.*23505`},
	},
}

// TestWrongFormsFail: the suite is not passed by the forms of the append that leave holes, forget what was stored or fail
// those who did nothing.
func TestWrongFormsFail(t *testing.T) {
	eventstoretest.NeedPostgres(t)
	wrongForms.Fail(t)
}
