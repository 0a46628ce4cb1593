package outbox_test

import (
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// Of what was reserved, lanes in which something lies already wait; a dead letter blocks nothing, as ever.
func TestReservedLanesLeaveWhenFree(t *testing.T) {
	each(t, func(b *box) {
		before, dead := b.row("a"), b.row("b")
		b.put(before, dead)
		b.tx(func(tx eventstore.Tx) error {
			_, err := tx.Exec(b.Context(), "UPDATE outbox SET state = 'dead' WHERE command = $1", dead.Command.String())
			return err
		})
		a1, b1, c1, b2, d1 := b.row("a"), b.row("b"), b.row("c"), b.row("b"), b.row("d")
		rows := []outbox.Row{a1, b1, c1, b2, d1}
		r := b.terms().Reserve(rows)
		b.same(r.Batch, lane(a1), lane(b1, b2), lane(c1))
		for range 2 { // a transaction may run again
			b.tx(func(tx eventstore.Tx) error {
				if _, err := tx.Exec(b.Context(), "DELETE FROM outbox WHERE state <> 'dead' AND command <> $1",
					before.Command.String()); err != nil {
					return err
				}
				return outbox.Insert(b.Context(), tx, b.vault, connection, rows, b.now, r)
			})
		}
		b.same(r.Batch, lane(b1, b2), lane(c1))
		b.same(r.Left(true), lane(a1))
		b.same(r.Left(false), lane(a1), lane(b1, b2), lane(c1))
		got, err := outbox.Get(b.Context(), b.store, connection, b2.Command, a1.Command)
		if err != nil || len(got) != 2 {
			b.Fatalf("%+v, %v", got, err)
		}
		for _, e := range got {
			sending := e.Command == b2.Command
			if sending != (e.State == outbox.Sending && e.Attempts == 1 && e.Attempt == r.Attempt &&
				e.Deadline == r.Deadline.UnixMicro() && e.NextAt == e.Deadline) {
				b.Errorf("%+v", e)
			}
		}
		b.same(b.claim(), lane(before, a1), lane(d1))
	})
}
