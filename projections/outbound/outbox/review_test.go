package outbox_test

import (
	"testing"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// TestReadsOnly: while only reads may leave, a write stays where it is, in front of a read of its record too, and can
// be withdrawn; the reads go.
func TestReadsOnly(t *testing.T) {
	each(t, func(b *box) {
		write, read := b.row("1"), b.row("1")
		read.Kind, read.Payload = domain.KindRead, outbox.Payload{By: "id", Value: "1"}
		b.put(write, b.row("2"), read)
		got := b.claim(func(c *outbox.Claim) { c.ReadsOnly = true })
		b.same(got, []outbox.Row{read})
		b.tx(func(tx eventstore.Tx) error {
			gone, err := outbox.WithdrawWrites(b.Context(), tx, connection)
			if len(gone) != 2 {
				b.Errorf("%d withdrawn, want both writes", len(gone))
			}
			return err
		})
		b.now = b.now.Add(time.Minute)
		b.same(b.claim(), []outbox.Row{read})
	})
}

// TestDecidedBefore: once the mode has changed, a write that was decided before waits where it is and can be withdrawn;
// one that was tried goes on until it is known what became of it, and reads and later writes go.
func TestDecidedBefore(t *testing.T) {
	each(t, func(b *box) {
		tried := b.row("1")
		b.put(tried)
		b.same(b.claim(), lane(tried))
		b.now = b.now.Add(11 * time.Second)
		write, read, urgent, later := b.row("2"), b.row("3"), b.row("4"), b.row("2")
		read.Kind, read.Payload, urgent.Urgent = domain.KindRead, outbox.Payload{By: "id", Value: "3"}, true
		b.put(write, read, urgent, later)
		since := func(c *outbox.Claim) { c.Since, c.Limit = later.Input, 9 }
		b.same(b.claim(since), lane(urgent))
		b.same(b.claim(since), lane(tried), lane(later))
		b.same(b.claim(since), lane(read))
		b.tx(func(tx eventstore.Tx) error {
			gone, err := outbox.WithdrawDecidedBefore(later.Input)(b.Context(), tx, connection)
			if len(gone) != 1 || gone[0].Command != write.Command {
				b.Errorf("%d withdrawn, want the write alone", len(gone))
			}
			return err
		})
	})
}
