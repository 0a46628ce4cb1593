package outbox_test

import (
	"testing"
	"time"

	"github.com/duolog/duolog/domain"
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
				_, err := outbox.Insert(b.Context(), tx, b.vault, connection, rows, b.now, r)
				return err
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

// A lane of which a command was withdrawn, since its source was erased meanwhile, waits for a claim.
func TestReservedLaneOfSomebodyErased(t *testing.T) {
	each(t, func(b *box) {
		gone := domain.Record{System: domain.Aloware, ID: "8"}
		b.tx(func(tx eventstore.Tx) error {
			log, err := b.store.Log(b.Context(), connection)
			if err != nil {
				return err
			}
			_, err = tx.Erase(b.Context(), log, []string{gone.Stream()}, eventstore.NewEvent{
				ID: b.id(), Type: domain.SubjectErased, Schema: 1, Stream: domain.StreamPrivacy, Subject: eventstore.SubjectLog,
				Actor: "test", Data: []byte(`{}`),
			})
			return err
		})
		a1, a2, b1 := b.row("a"), b.row("a"), b.row("b")
		a2.Source = gone
		r := b.terms().Reserve([]outbox.Row{a1, a2, b1})
		b.same(r.Batch, lane(a1, a2), lane(b1))
		b.tx(func(tx eventstore.Tx) error {
			erased, err := outbox.Insert(b.Context(), tx, b.vault, connection, []outbox.Row{a1, a2, b1}, b.now, r)
			if len(erased) != 1 || erased[0].Command != a2.Command {
				b.Errorf("erased: %+v", erased)
			}
			return err
		})
		b.same(r.Batch, lane(b1))
		b.same(r.Left(true), lane(a1, a2))
		b.same(b.claim(), lane(a1))
	})
}

// What is urgent stands first again when nobody knows what became of it, though it was never claimed.
func TestReservedAndUrgent(t *testing.T) {
	each(t, func(b *box) {
		stop, a := b.row("z"), b.row("a")
		stop.Urgent = true
		r := b.terms().Reserve([]outbox.Row{stop})
		b.tx(func(tx eventstore.Tx) error {
			_, err := outbox.Insert(b.Context(), tx, b.vault, connection, []outbox.Row{stop}, b.now, r)
			return err
		})
		b.put(a)
		first := func(c *outbox.Claim) { c.UrgentOnly, c.First = true, true }
		b.same(b.claim(first))
		b.now = b.now.Add(10 * time.Second)
		b.same(b.claim(first), lane(stop))
	})
}
