package outbound_test

import (
	"math/rand/v2"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/outbound"
)

// TestRebuildAfterErasures: what everybody's facts told of the systems is not less after a rebuild that cannot read them
// any more.
func TestRebuildAfterErasures(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.rnd = rand.New(rand.NewPCG(13, 3))
		s.drive(40)
		type known struct {
			record  domain.Record
			contact ulid.ULID
		}
		var all []known
		s.query("SELECT record, contact FROM outbound_record r WHERE "+live, func(rows eventstore.Rows) error {
			var stream, contact string
			if err := rows.Scan(&stream, &contact); err != nil {
				return err
			}
			r, err := domain.ParseRecord(stream)
			id, _ := ulid.ParseStrict(contact) // none has been decided on
			all = append(all, known{r, id})
			return err
		})
		for _, k := range all {
			r := k.record
			act := s.event(domain.SubjectErased, domain.StreamPrivacy, eventstore.SubjectLog, domain.Act{
				Contact: k.contact, Records: []domain.Record{r}, Reason: "asked",
			})
			err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
				_, err := tx.Erase(t.Context(), s.log, []string{r.Stream()}, act)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		s.plan(s.process(nil))
		want := s.rows()
		if err := outbound.Rebuild(t.Context(), store, s.log, nil); err != nil {
			t.Fatal(err)
		}
		s.same("rebuilt", want)
	})
}
