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
