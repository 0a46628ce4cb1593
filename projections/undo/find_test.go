package undo_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/outbound"
	"github.com/duolog/duolog/projections/outbound/state"
	"github.com/duolog/duolog/projections/undo"
)

// past is a log that says what was written.
type past struct {
	*testing.T
	store  eventstore.Store
	log    eventstore.Log
	digest planner.Digester
	at     int64 // the clock
	made   uint64
	last   int64
}

func newPast(t *testing.T, store eventstore.Store) *past {
	t.Helper()
	log, err := store.Log(t.Context(), "acme")
	p := &past{T: t, store: store, log: log, at: 1_790_000_000_000_000}
	p.must(err)
	p.digest = state.Digester(log.Vault())
	return p
}

func (p *past) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *past) id() (id ulid.ULID) {
	p.made++
	id[14], id[15] = byte(p.made>>8), byte(p.made)
	return id
}

func (p *past) append(kind, stream, subject string, id ulid.ULID, cause int64, payload any) int64 {
	p.Helper()
	data, err := json.Marshal(payload)
	p.must(err)
	done, err := p.log.Append(p.Context(), eventstore.NewEvent{
		ID: id, Stream: stream, Subject: subject, Type: kind, Schema: domain.SchemaOf(kind), Actor: "test", Causation: cause, Data: data,
	})
	p.must(err)
	p.last = done[0].Position
	return p.last
}

// sets puts a version of the settings in force that maps these fields, besides those that are locked.
func (p *past) sets(version int, mapped ...string) {
	p.Helper()
	s, err := settings.Preset(settings.PresetRecommended)
	p.must(err)
	s.Mode = domain.ModeLive
	s.Fields = slices.DeleteFunc(s.Fields, func(f settings.Field) bool { return !f.Locked && !slices.Contains(mapped, f.Name) })
	raw, err := json.Marshal(s)
	p.must(err)
	p.append(domain.SettingsChanged, "settings", eventstore.SubjectLog, p.id(), 0, domain.SettingsAct{Version: version, Settings: raw})
}

func raw(values map[string]string) domain.Properties {
	all := domain.Properties{}
	for name, v := range values {
		all[name], _ = json.Marshal(v)
	}
	return all
}

func (p *past) tells(r domain.Record, values map[string]string) int64 {
	p.Helper()
	p.at += 1_000_000
	return p.append(domain.RecordUpdated, r.Stream(), r.Stream(), p.id(), 0, domain.Fact{Via: "webhook", Clock: p.at, Properties: raw(values)})
}

func (p *past) decides(cause int64, d planner.Decision) {
	p.Helper()
	d.Planner, d.Mode, d.Input, d.Trigger = planner.Version, domain.ModeLive, cause, domain.RecordUpdated
	d.Settings = max(d.Settings, 1)
	p.append(domain.DecisionMade, "contact/"+d.Contact.String(), eventstore.SubjectLog, p.id(), cause, d)
}

// pair is a contact of one record in each system.
type pair struct {
	contact ulid.ULID
	h, a    domain.Record
}

// pairs links two records; Aloware's shows these values.
func (p *past) pairs(n int, shows map[string]string) pair {
	p.Helper()
	of := pair{p.id(), domain.Record{System: domain.HubSpot, ID: fmt.Sprint(100 + n)}, domain.Record{System: domain.Aloware, ID: fmt.Sprint(n)}}
	p.tells(of.a, shows)
	p.decides(p.tells(of.h, map[string]string{"firstname": "P"}), planner.Decision{Contact: of.contact, Links: []planner.Link{
		{Record: of.h, Contact: of.contact, State: planner.Linked, Ever: true}, {Record: of.a, Contact: of.contact, State: planner.Linked, Ever: true},
	}})
	return of
}

// writes has a field's value, told by HubSpot, written to Aloware under a version of the settings; answered says so.
func (p *past) writes(of pair, version int, field, value string, answered bool) {
	p.Helper()
	cause, command, digest := p.tells(of.h, map[string]string{field: value}), p.id(), p.digest.Of(field, value)
	p.decides(cause, planner.Decision{
		Contact: of.contact, Settings: version,
		Fields: []planner.Verdict{{
			Field: field, Result: planner.Sent, Command: command, From: domain.HubSpot,
			Value: &planner.Ref{Record: of.h, Property: field, Position: cause, Digest: digest},
			After: planner.FieldState{
				State: planner.Pending, From: domain.HubSpot, Base: map[domain.System]string{domain.HubSpot: digest, domain.Aloware: digest},
				Pending: &planner.PendingWrite{System: domain.Aloware, Command: command, Digest: digest},
			},
		}},
		Commands: []planner.Command{{
			ID: command, Kind: domain.KindUpdate, System: domain.Aloware, Record: of.a, Source: of.h, Digests: map[string]string{field: digest},
		}},
	})
	if !answered {
		return
	}
	p.at += 1_000_000
	sent := raw(map[string]string{field: value})
	p.append(domain.CommandSettled, of.a.Stream(), of.a.Stream(), p.id(), cause, domain.Outcome{
		Command: command, Contact: of.contact, Kind: domain.KindUpdate, System: domain.Aloware, Record: of.a,
		Result: domain.ResultApplied, Sent: sent, Shows: sent, Clock: p.at,
	})
}

// finds is what an undo comes to: by contact the fields put back, and why others are left.
func (p *past) finds(c undo.Config) map[ulid.ULID][]string {
	p.Helper()
	_, err := state.Open(p.Context(), p.store, p.log)
	p.must(err)
	_, err = p.store.Exec(p.Context(), "UPDATE outbound SET position = $1 WHERE connection = $2 AND live = 1", p.last, "acme")
	p.must(err)
	p.must(outbound.Rebuild(p.Context(), p.store, p.log, nil))
	c.DB, c.Log, c.Now, c.Spec.Scope = p.store, p.log, p.at, domain.Scope{Name: domain.OpUndo}
	all := map[ulid.ULID][]string{}
	_, _, err = undo.Each(p.Context(), c, func(f undo.Found) error {
		for _, r := range f.Rows {
			for _, b := range r.Back {
				all[f.Contact] = append(all[f.Contact], b.Field+" is put back")
			}
		}
		for _, l := range f.Left {
			all[f.Contact] = append(all[f.Contact], l.Field+" "+l.Why)
		}
		return nil
	})
	p.must(err)
	return all
}

// TestWhyAFieldIsLeft: what cannot be put back is listed with its reason, and nothing is passed over.
func TestWhyAFieldIsLeft(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		p := newPast(t, store)
		p.sets(1, "website", "city")
		old := map[string]string{"first_name": "P", "website": "https://old.example", "cnam_city": "London"}
		var all []pair
		for n := range 7 {
			shows := old
			if n == 1 {
				shows = map[string]string{"first_name": "P"}
			}
			all = append(all, p.pairs(n+1, shows))
		}
		from := p.last
		plain, blind, waits, unmapped, gone, into, later := all[0], all[1], all[2], all[3], all[4], all[5], all[6]
		for _, of := range []pair{plain, blind, gone} {
			p.writes(of, 1, "website", "https://new.example", true)
		}
		p.writes(waits, 1, "website", "https://new.example", false)
		p.writes(unmapped, 1, "city", "Rome", true)
		p.sets(2, "website")
		p.writes(later, 2, "website", "https://new.example", true)
		p.decides(p.tells(into.h, map[string]string{"firstname": "Q"}), planner.Decision{
			Contact: into.contact, Aliases: []planner.Alias{{From: gone.contact, To: into.contact}},
			Links: []planner.Link{
				{Record: gone.h, Contact: into.contact, State: planner.Absorbed, Ever: true},
				{Record: gone.a, Contact: into.contact, State: planner.Absorbed, Ever: true},
			},
		})
		want := map[ulid.ULID][]string{
			plain.contact: {"website is put back"}, blind.contact: {"website " + undo.Unknown}, waits.contact: {"website " + undo.OnItsWay},
			unmapped.contact: {"city " + undo.Unmapped}, gone.contact: {"website " + undo.Became}, later.contact: {"website is put back"},
		}
		check := func(what string, c undo.Config, of ...pair) {
			t.Helper()
			c.After = from
			got := p.finds(c)
			if len(got) != len(of) {
				t.Errorf("%s: %v", what, got)
			}
			for _, one := range of {
				if !slices.Equal(got[one.contact], want[one.contact]) {
					t.Errorf("%s, %s: %v, want %v", what, one.a, got[one.contact], want[one.contact])
				}
			}
		}
		everything := domain.PlanSpec{Undo: &domain.Undo{From: 1}}
		check("everything", undo.Config{Spec: everything}, plain, blind, waits, unmapped, gone, later)
		check("a version", undo.Config{Spec: domain.PlanSpec{Undo: &domain.Undo{Version: 2}}}, later)
		everything.Contact = into.contact
		check("a contact by an id it had", undo.Config{Spec: everything, Contacts: []ulid.ULID{gone.contact}}, gone)
	})
}
