package app_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/state"
)

// past writes into a log, whose owner is at rest, what an older planner decided.
type past struct {
	*rig
	digest  planner.Digester
	contact ulid.ULID
	h, a    domain.Record
}

func (p *past) append(stream, subject, kind string, id ulid.ULID, cause int64, payload any) eventstore.Appended {
	p.t.Helper()
	data, err := json.Marshal(payload)
	p.must(err)
	done, err := p.Log.Append(p.t.Context(), eventstore.NewEvent{
		ID: id, Stream: stream, Subject: subject, Type: kind, Schema: domain.SchemaOf(kind), Actor: "test",
		OccurredAt: time.Now().UnixMicro(), Causation: cause, Data: data,
	})
	p.must(err)
	return done[0]
}

// after is a field's state with both sides' values as what was decided on.
func (p *past) after(field, hubspot, aloware string, s planner.FieldState) planner.FieldState {
	s.Base = map[domain.System]string{domain.HubSpot: p.digest.Of(field, hubspot), domain.Aloware: p.digest.Of(field, aloware)}
	return s
}

// decided has an older planner have left the city of HubSpot, which it should have sent, and have sent the website,
// which it should not have.
func (p *past) decided() {
	p.t.Helper()
	now, raw := time.Now(), func(s string) json.RawMessage { b, _ := json.Marshal(s); return b }
	fact := p.NewID()
	f := p.append(p.h.Stream(), p.h.Stream(), domain.RecordUpdated, fact, 0, domain.Fact{
		Via: "webhook", Clock: now.UnixMicro(), Properties: domain.Properties{"city": raw("Rome"), "website": raw("https://new.example")},
	})
	command := domain.DeriveID(fact, "old command", domain.Aloware, 0)
	p.append("contact/"+p.contact.String(), eventstore.SubjectLog, domain.DecisionMade,
		domain.DeriveID(fact, "decision/"+p.contact.String(), "", 0), f.Position, planner.Decision{
			Planner: planner.Version - 1, Settings: 1, Mode: domain.ModeLive, Input: f.Position, At: f.RecordedAt, Trigger: domain.RecordUpdated,
			Contact: p.contact, Considered: []domain.Record{p.a, p.h},
			Fields: []planner.Verdict{
				{Field: "city", Result: planner.Kept, Rule: "an old rule", After: p.after("city", "Rome", "London",
					planner.FieldState{State: planner.Apart, Result: planner.Kept, Rule: "an old rule"})},
				{Field: "website", Result: planner.Sent, Command: command, From: domain.HubSpot, After: p.after("website", "https://new.example",
					"https://old.example", planner.FieldState{State: planner.Pending, From: domain.HubSpot, Pending: &planner.PendingWrite{
						System: domain.Aloware, Command: command, Digest: p.digest.Of("website", "https://new.example"),
						Was: p.digest.Of("website", "https://old.example"), Over: p.digest.Of("website", "https://old.example"),
					}})},
			},
			Commands: []planner.Command{{
				ID: command, Kind: domain.KindUpdate, System: domain.Aloware, Record: p.a, Source: p.h,
				Digests: map[string]string{"website": p.digest.Of("website", "https://new.example")},
			}},
		})
	website := domain.Properties{"website": raw("https://new.example")}
	done := p.append(p.a.Stream(), p.a.Stream(), domain.CommandSettled, domain.DeriveID(fact, "old outcome", "", 0), f.Position, domain.Outcome{
		Command: command, Contact: p.contact, Kind: domain.KindUpdate, System: domain.Aloware, Record: p.a,
		Result: domain.ResultApplied, Sent: website, Shows: website, Clock: time.Now().UnixMicro(),
	})
	_, err := p.Store.Exec(p.t.Context(), "UPDATE outbound SET position = $1 WHERE connection = $2 AND live = 1", done.Position, "default")
	p.must(err)
	p.must(outbound.Rebuild(p.t.Context(), p.Store, p.Log, nil))
}

// TestRepair: what an older planner decided otherwise is put right, both ways, where what it left still stands; and
// nothing is done twice.
func TestRepair(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := standing(t, database, func(s *settings.Settings) { fieldOf(s, "website").Overwrite = settings.OverwriteNever })
		h, a := r.hubspot.All()[0], r.aloware.All()[0]
		r.must(r.aloware.Edit(a.ID, map[string]any{"website": "https://old.example"}))
		r.settle()
		k := r.contact("hubspot:" + h.ID)
		r.stop()
		r.hubspot.SetTarget("")
		r.aloware.SetTarget("")
		r.must(r.hubspot.Edit(h.ID, map[string]string{"city": "Rome", "website": "https://new.example"}, "7"))
		r.must(r.aloware.Edit(a.ID, map[string]any{"website": "https://new.example"}))
		r.node = r.aside()
		p := &past{
			rig: r, digest: state.Digester(r.Log.Vault()), contact: k.ID,
			h: domain.Record{System: domain.HubSpot, ID: h.ID}, a: domain.Record{System: domain.Aloware, ID: a.ID},
		}
		p.decided()
		r.node = r.boot()
		r.settle()
		r.same("Aloware, as the old one left it", r.twinOf(a.ID), map[string]string{"cnam_city": "London", "website": "https://new.example"})
		plan := r.planned("repair", nil)
		if plan.Rows != 1 || len(plan.Left) > 0 {
			t.Fatalf("%d rows, %v", plan.Rows, plan.Why)
		}
		r.applied(plan)
		r.same("Aloware, repaired", r.twinOf(a.ID), map[string]string{"cnam_city": "Rome", "website": "https://old.example"})
		if again := r.planned("repair", nil); again.Rows != 0 {
			t.Errorf("again: %+v", again.Counts)
		}
		r.replayed()
	})
}
