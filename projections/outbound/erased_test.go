package outbound_test

import (
	"encoding/json"
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

// TestErasedBeforeTheDecision: a command whose record is erased before the planner comes to decide on it is withdrawn, and
// holds nobody up.
func TestErasedBeforeTheDecision(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s := newScene(t, store)
		s.open()
		s.people(2)
		s.settle()
		r := domain.Record{System: domain.HubSpot, ID: "1"}
		act := domain.Act{Records: []domain.Record{r}, Reason: "asked"}
		s.query("SELECT contact FROM outbound_record r WHERE record = 'hubspot/contact/1' AND "+live, func(rows eventstore.Rows) error {
			var text string
			err := rows.Scan(&text)
			act.Contact = ulid.MustParse(text)
			return err
		})
		erase := func(again bool) {
			t.Helper()
			err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
				do, kind := tx.Erase, domain.SubjectErased
				if again {
					do, kind = tx.Revive, domain.SubjectLifted
				}
				_, err := do(t.Context(), s.log, []string{r.Stream()}, s.event(kind, domain.StreamPrivacy, eventstore.SubjectLog, act))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		erase(false)
		s.plan(s.process(nil))
		erase(true) // she is to be read
		erase(false)
		s.plan(s.process(nil))
		var withdrawn int
		for _, e := range s.events() {
			var o domain.Outcome
			if e.Type == domain.CommandSettled && json.Unmarshal(e.Data, &o) == nil && o.Reason == domain.ReasonErased {
				withdrawn++
			}
		}
		if withdrawn != 1 || len(s.waiting()) > 0 {
			t.Errorf("%d commands withdrawn, want the read; %d wait", withdrawn, len(s.waiting()))
		}
		want := s.rows()
		if err := outbound.Rebuild(t.Context(), store, s.log, nil); err != nil {
			t.Fatal(err)
		}
		s.same("rebuilt", want)
	})
}
