package history_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
)

var (
	hub    = domain.Record{System: domain.HubSpot, ID: "512"}
	alo    = domain.Record{System: domain.Aloware, ID: "90417"}
	person = ulid.MustParse("01JDB4Q8ZK0000000000000001")
	former = ulid.MustParse("01JDB4Q8ZK0000000000000009")
)

// script appends events one by one.
type script struct {
	t   *testing.T
	log eventstore.Log
	at  int64
}

func (s *script) append(stream, kind, subject string, payload any) int64 {
	s.t.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	s.at++
	return logtest.Append(s.t, s.log, eventstore.NewEvent{
		ID: ulid.Make(), Stream: stream, Type: kind, Schema: 1, OccurredAt: logtest.Start + s.at, Actor: "os:priya",
		Subject: subject, Data: data,
	})
}

func props(pairs ...string) domain.Properties {
	p := domain.Properties{}
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = json.RawMessage(fmt.Sprintf("%q", pairs[i+1]))
	}
	return p
}

func (s *script) fact(rec domain.Record, kind string, f domain.Fact) int64 {
	s.t.Helper()
	if f.Clock == 0 {
		f.Clock = logtest.Start + s.at
	}
	return s.append(rec.Stream(), kind, rec.Stream(), f)
}

func (s *script) decide(d planner.Decision) int64 {
	s.t.Helper()
	return s.append("contact/"+d.Contact.String(), domain.DecisionMade, eventstore.SubjectLog, d)
}

func (s *script) settle(o domain.Outcome) int64 {
	s.t.Helper()
	return s.append(o.Record.Stream(), domain.CommandSettled, o.Record.Stream(), o)
}

func (s *script) settings(version int, change func(*settings.Settings)) {
	s.t.Helper()
	set, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		s.t.Fatal(err)
	}
	change(&set)
	raw, err := json.Marshal(set)
	if err != nil {
		s.t.Fatal(err)
	}
	s.append("connection", domain.SettingsChanged, eventstore.SubjectLog, domain.SettingsAct{Version: version, Settings: raw})
}

// born is a contact made in HubSpot and created in Aloware: positions 2 to 11.
func (s *script) born() {
	read, create := ulid.Make(), ulid.Make()
	crm := domain.Origin{Source: "CRM_UI", ID: "userId:7"}
	created := s.fact(hub, domain.RecordCreated, domain.Fact{Origin: crm})
	s.decide(planner.Decision{
		Contact: former, Input: created, Whole: &planner.Whole{Result: planner.Reading},
		Links:    []planner.Link{{Record: hub, Contact: former, State: planner.Unlinked}},
		Commands: []planner.Command{{ID: read, Kind: domain.KindRead, System: domain.HubSpot, Record: hub}},
	})
	observed := s.fact(hub, domain.RecordObserved, domain.Fact{
		Via: "read", Properties: props("email", "jane@example.com", "city", "Oakland"), Complete: true,
		Answer: &domain.Answer{Command: read, Contact: former, By: "id", Found: []domain.Record{hub}},
	})
	s.decide(planner.Decision{
		Contact: former, Input: observed, Settings: 1, Whole: &planner.Whole{Result: planner.Creating, Command: create},
		Fields: []planner.Verdict{{
			Field: "city", Result: planner.Sent, From: domain.HubSpot, Command: create,
			Value: &planner.Ref{Record: hub, Property: "city", Position: observed},
		}},
		Commands: []planner.Command{{ID: create, Kind: domain.KindCreate, System: domain.Aloware, Source: hub}},
	})
	echo := s.fact(alo, domain.RecordCreated, domain.Fact{Properties: props("cnam_city", "Oakland")})
	outcome := s.settle(domain.Outcome{
		Command: create, Contact: former, Kind: domain.KindCreate, System: domain.Aloware, Record: alo,
		Result: domain.ResultApplied, Attempts: 2, Created: true, Shows: props("cnam_city", "Oakland"),
		Clock: logtest.Start + 100,
	})
	s.decide(planner.Decision{
		Contact: former, Input: outcome, Whole: &planner.Whole{Result: planner.LinkedUp},
		Links: []planner.Link{
			{Record: hub, Contact: former, State: planner.Linked}, {Record: alo, Contact: former, State: planner.Linked},
		},
	})
	s.decide(planner.Decision{Contact: former, Input: echo, Fields: []planner.Verdict{{Field: "city", Result: planner.Echo}}})
	s.fact(alo, domain.RecordUpdated, domain.Fact{Properties: props("cnam_city", "Oakland"), Clock: logtest.Start + 200})
	s.decide(planner.Decision{Contact: person, Input: outcome, Aliases: []planner.Alias{{From: former, To: person}}})
}

// fought is a conflict about the city that HubSpot wins: positions 12 to 15.
func (s *script) fought() {
	update := ulid.Make()
	lost := s.fact(alo, domain.RecordUpdated, domain.Fact{
		Properties: props("cnam_city", "San Jose"), Clock: logtest.Start + 300,
	})
	won := s.fact(hub, domain.RecordUpdated, domain.Fact{
		Properties: props("city", "San José"), Origin: domain.Origin{Source: "INTEGRATION", ID: "8111608"},
		Clock: logtest.Start + 400,
	})
	s.decide(planner.Decision{
		Contact: person, Input: won, Settings: 1, Fields: []planner.Verdict{{
			Field: "city", Result: planner.Sent, Rule: "city.conflict = hubspot", From: domain.HubSpot, Command: update,
			Value: &planner.Ref{Record: hub, Property: "city", Position: won},
			Loser: &planner.Ref{Record: alo, Property: "cnam_city", Position: lost},
		}},
		Commands: []planner.Command{{ID: update, Kind: domain.KindUpdate, System: domain.Aloware, Record: alo}},
	})
	s.settle(domain.Outcome{
		Command: update, Contact: person, Kind: domain.KindUpdate, System: domain.Aloware, Record: alo,
		Result: domain.ResultApplied, Shows: props("cnam_city", "San José"), Clock: logtest.Start + 500,
	})
}

const wantStory = `#2 hubspot created by CRM_UI userId:7
  city – → Oakland
  email – → jane@example.com
  #3 decided read first
  #4 read hubspot:512
  #5 decided created; city sent, kept Oakland
  #6 echo aloware:90417
  #7 settled create applied, 2 tries
  #8 decided linked
  #9 decided city echo
  #10 repeated aloware:90417
  #11 decided
#12 aloware changed by Aloware does not tell by whom
  cnam_city Oakland → San Jose
#13 hubspot changed by INTEGRATION 8111608
  city Oakland → San José
  #14 decided city sent, kept San José, lost San Jose, city.conflict = hubspot
  #15 settled update applied
    cnam_city San Jose → San José
#16 settings by os:priya: city
#17 hubspot changed by duolog
  city San José → Boston (stale)
`

func TestTimelineTellsTheStory(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "story")
		if err != nil {
			t.Fatal(err)
		}
		s := &script{t: t, log: log}
		s.settings(1, func(*settings.Settings) {})
		s.born()
		s.fought()
		s.settings(2, func(set *settings.Settings) {
			for i := range set.Fields {
				if set.Fields[i].Name == "city" {
					set.Fields[i].Direction = settings.ToAloware
				}
			}
		})
		s.fact(hub, domain.RecordUpdated, domain.Fact{
			Properties: props("city", "Boston"), Clock: logtest.Start + 50, Origin: domain.Origin{Own: true},
		})
		r := projections.New(store, log, projections.Options{}, contacts.Projection{}, history.Projection{})
		if err := r.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, id := range []ulid.ULID{person, former} {
			entries, err := history.NewReader(store, log).Timeline(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if got := render(entries); got != wantStory {
				t.Errorf("the story of %s is\n%s\nwant\n%s", id, got, wantStory)
			}
		}
		_, err = history.NewReader(store, log).Timeline(t.Context(), ulid.Make())
		if !errors.Is(err, contacts.ErrNotFound) {
			t.Errorf("the story of nobody: %v, want ErrNotFound", err)
		}
	})
}

// TestTimelineFollowsARecordThatLeft: what a record told while it was the contact's stays in its story, what it tells as
// another's does not.
func TestTimelineFollowsARecordThatLeft(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "parted")
		if err != nil {
			t.Fatal(err)
		}
		s, other := &script{t: t, log: log}, ulid.MustParse("01JDB4Q8ZK0000000000000005")
		s.settings(1, func(*settings.Settings) {})
		s.born()
		tell := func(city string, clock int64) int64 {
			return s.fact(alo, domain.RecordUpdated, domain.Fact{Properties: props("cnam_city", city), Clock: logtest.Start + clock})
		}
		told := tell("San Jose", 300)
		s.decide(planner.Decision{
			Contact: other, Input: told, Links: []planner.Link{{Record: alo, Contact: other, State: planner.Unlinked}},
		})
		tell("Fresno", 400)
		if err := projections.New(store, log, projections.Options{}, contacts.Projection{}, history.Projection{}).CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[ulid.ULID]bool{person: false, other: true} {
			entries, err := history.NewReader(store, log).Timeline(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			got := render(entries)
			if !strings.Contains(got, "San Jose") || strings.Contains(got, "Fresno") != want {
				t.Errorf("the story of %s is\n%s\nwant San Jose in it, and Fresno: %t", id, got, want)
			}
		}
	})
}

// render writes entries down in a line or two each.
func render(entries []history.Entry) string {
	var b strings.Builder
	for _, e := range entries {
		if e.Kind == history.KindSettings {
			fmt.Fprintf(&b, "#%d settings by %s: %s\n", e.Position, e.By, strings.Join(e.Act.Fields, " "))
			continue
		}
		fmt.Fprintf(&b, "#%d %s %s by %s\n", e.Position, e.System, e.Kind, e.By)
		renderChanges(&b, "  ", e.Changes)
		for _, step := range e.Steps {
			fmt.Fprintf(&b, "  #%d %s%s\n", step.Position, step.Kind, renderStep(step))
			renderChanges(&b, "    ", step.Changes)
		}
	}
	return b.String()
}

func renderChanges(b *strings.Builder, indent string, changes []history.Change) {
	for _, c := range changes {
		stale := ""
		if c.Stale {
			stale = " (stale)"
		}
		fmt.Fprintf(b, "%s%s %s → %s%s\n", indent, c.Property, shown(c.Before), shown(c.After), stale)
	}
}

func shown(raw json.RawMessage) string {
	if s := domain.Scalar(raw); s != "" {
		return s
	}
	return "–"
}

func renderStep(step history.Step) string {
	switch {
	case step.Decision != nil:
		return renderDecision(step.Decision)
	case step.Outcome != nil:
		tries := ""
		if step.Outcome.Attempts > 1 {
			tries = fmt.Sprintf(", %d tries", step.Outcome.Attempts)
		}
		return " " + step.Outcome.Kind + " " + step.Outcome.Result + tries
	}
	return " " + step.Record.String()
}

func renderDecision(d *history.Decision) string {
	var parts []string
	if d.Whole != nil {
		parts = append(parts, string(d.Whole.Result))
	}
	for _, v := range d.Verdicts {
		text := v.Field + " " + string(v.Result)
		if v.Kept != nil {
			text += ", kept " + shown(v.Kept.Value)
		}
		if v.Lost != nil {
			text += ", lost " + shown(v.Lost.Value)
		}
		if v.Rule != "" {
			text += ", " + v.Rule
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, "; ")
}
