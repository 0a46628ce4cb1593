package history_test

import (
	"encoding/json"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
	"github.com/duolog/duolog/projections/internal/logtest"
	"github.com/duolog/duolog/projections/outbound"
)

// TestWhatThePlannerDecidesIsShown takes the planner's own decisions: a person born in HubSpot is made in Aloware.
func TestWhatThePlannerDecidesIsShown(t *testing.T) {
	store := backends.SQLite(t)
	log, err := store.Log(t.Context(), "planned")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, log: log}
	process := outbound.New(outbound.Config{DB: store, Log: log})
	run := projections.New(store, log, projections.Options{}, contacts.Projection{}, history.Projection{})
	s.settings(1, func(set *settings.Settings) { set.Version = 1 })
	s.append("connection", domain.ModeChanged, eventstore.SubjectLog, domain.Act{Mode: domain.ModeLive})
	s.append("connection", domain.BaselineCompleted, eventstore.SubjectLog, domain.Act{})
	s.fact(hub, domain.RecordObserved, domain.Fact{
		Via: "scan", Complete: true, Properties: props("firstname", "Jane", "phone", "+14155550132", "email", "jane@example.com"),
	})
	created := settle(t, process, log, run)
	if c := only(t, store, log); c.Status != contacts.Pending {
		t.Errorf("contact %+v, want it pending", c)
	}
	s.settle(domain.Outcome{
		Command: created.ID, Contact: only(t, store, log).ID, Kind: domain.KindCreate, System: domain.Aloware,
		Record: alo, Result: domain.ResultApplied, Created: true, Complete: true, Clock: logtest.Start + 1000,
		Shows: props("first_name", "Jane", "phone_number", "+14155550132", "email", "jane@example.com"),
	})
	settle(t, process, log, run)
	c := only(t, store, log)
	if c.Status != contacts.InStep || len(c.Records) != 2 || len(c.Fields) == 0 {
		t.Errorf("contact %+v, want both records in step", c)
	}
	entries, err := history.NewReader(store, log).Timeline(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || len(entries[0].Changes) != 3 || len(entries[0].Steps) != 3 {
		t.Errorf("the story is\n%s\nwant one change with its decision, outcome and second decision", render(entries))
	}
}

// settle lets the planner decide and the projections follow; it returns the last command decided.
func settle(t *testing.T, p *outbound.Process, log eventstore.Log, run *projections.Runner) (last planner.Command) {
	t.Helper()
	for more := 1; more > 0; {
		var err error
		if more, err = p.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	events, err := log.Read(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		var d planner.Decision
		if e.Type != domain.DecisionMade {
			continue
		}
		if err := json.Unmarshal(e.Data, &d); err != nil {
			t.Fatal(err)
		}
		for _, c := range d.Commands {
			last = c
		}
	}
	return last
}

func only(t *testing.T, store eventstore.Store, log eventstore.Log) contacts.Contact {
	t.Helper()
	all, err := contacts.NewReader(store, log).List(t.Context(), contacts.Filter{After: ulid.ULID{}})
	if err != nil || len(all) != 1 {
		t.Fatalf("contacts %+v, %v; want one", all, err)
	}
	return all[0]
}
