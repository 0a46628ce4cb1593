package contacts_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/internal/logtest"
)

var (
	hub = domain.Record{System: domain.HubSpot, ID: "512"}
	alo = domain.Record{System: domain.Aloware, ID: "90417"}
	one = ulid.MustParse("01JDB4Q8ZK0000000000000001")
	two = ulid.MustParse("01JDB4Q8ZK0000000000000002")
)

// world is a log with its contacts.
type world struct {
	t      *testing.T
	store  eventstore.Store
	log    eventstore.Log
	run    *projections.Runner
	reader *contacts.Reader
	clock  int64
}

func newWorld(t *testing.T, store eventstore.Store) *world {
	t.Helper()
	log, err := store.Log(t.Context(), "world")
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		t: t, store: store, log: log, clock: logtest.Start,
		run:    projections.New(store, log, projections.Options{}, contacts.Projection{}),
		reader: contacts.NewReader(store, log),
	}
}

func (w *world) append(stream, kind, subject string, payload any) int64 {
	w.t.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	at := logtest.Append(w.t, w.log, eventstore.NewEvent{
		ID: ulid.Make(), Stream: stream, Type: kind, Schema: 1, OccurredAt: w.clock, Actor: "test", Subject: subject,
		Data: data,
	})
	if err := w.run.CatchUp(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if parked, err := w.run.Parked(w.t.Context(), contacts.Name); err != nil || len(parked) > 0 {
		w.t.Fatalf("parked %+v, %v", parked, err)
	}
	return at
}

// tell appends a fact with values given as name, value, name, value …
func (w *world) tell(rec domain.Record, kind string, clock int64, pairs ...string) int64 {
	w.t.Helper()
	f := domain.Fact{Via: "webhook", Clock: clock, Properties: domain.Properties{}}
	if rec.System == domain.HubSpot {
		f.Origin = domain.Origin{Source: "CRM_UI", ID: "userId:7"}
	}
	for i := 0; i < len(pairs); i += 2 {
		f.Properties[pairs[i]] = json.RawMessage(fmt.Sprintf("%q", pairs[i+1]))
	}
	return w.append(rec.Stream(), kind, rec.Stream(), f)
}

func (w *world) decide(d planner.Decision) int64 {
	w.t.Helper()
	return w.append("contact/"+d.Contact.String(), domain.DecisionMade, eventstore.SubjectLog, d)
}

// linked links both records to the contact, with fields in the states.
func linked(contact ulid.ULID, input int64, fields map[string]planner.FieldState) planner.Decision {
	d := planner.Decision{Contact: contact, Input: input, Links: []planner.Link{
		{Record: hub, Contact: contact, State: planner.Linked, Reason: "email"},
		{Record: alo, Contact: contact, State: planner.Linked, Reason: "email"},
	}}
	for name, state := range fields {
		d.Fields = append(d.Fields, planner.Verdict{Field: name, After: state})
	}
	return d
}

func (w *world) get(id ulid.ULID) contacts.Contact {
	w.t.Helper()
	c, err := w.reader.Get(w.t.Context(), id)
	if err != nil {
		w.t.Fatalf("get %s: %v", id, err)
	}
	return c
}

func (w *world) found(text string) []ulid.ULID {
	w.t.Helper()
	all, err := w.reader.Find(w.t.Context(), text)
	if err != nil {
		w.t.Fatalf("find: %v", err)
	}
	var ids []ulid.ULID
	for _, c := range all {
		ids = append(ids, c.ID)
	}
	return ids
}

func show(c contacts.Contact, system domain.System, property string) string {
	for _, r := range c.Records {
		if r.System == system {
			return string(r.Values[property].Value)
		}
	}
	return "no record"
}

func both(t *testing.T, test func(w *world)) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) { test(newWorld(t, store)) })
}

func TestAnOlderValueChangesNothing(t *testing.T) {
	both(t, func(w *world) {
		w.tell(hub, domain.RecordUpdated, 3000, "firstname", "Cyd")
		since := w.tell(hub, domain.RecordUpdated, 4000, "city", "Oakland")
		in := w.tell(hub, domain.RecordUpdated, 2000, "firstname", "Bob", "city", "Boston")
		w.tell(hub, domain.RecordUpdated, 5000, "city", "Oakland")
		w.tell(hub, domain.RecordUpdated, 4500, "city", "Boston")
		w.decide(linked(one, in, nil))
		c := w.get(one)
		if got := show(c, domain.HubSpot, "firstname"); got != `"Cyd"` {
			w.t.Errorf("firstname %s, want the value with the later clock", got)
		}
		city := c.Records[1].Values["city"]
		if string(city.Value) != `"Oakland"` || city.Position != since || city.By != "CRM_UI userId:7" ||
			city.OccurredAt.UnixMicro() != 4000 {
			w.t.Errorf("city %+v, want Oakland since position %d", city, since)
		}
	})
}

func TestASnapshotBlanksWhatItDoesNotShow(t *testing.T) {
	both(t, func(w *world) {
		w.tell(hub, domain.RecordUpdated, 1000, "city", "Oakland", "firstname", "Ann", "zip", "94601")
		in := w.append(hub.Stream(), domain.RecordObserved, hub.Stream(), domain.Fact{
			Via: "read", Clock: 2000, Complete: true, Properties: domain.Properties{"firstname": json.RawMessage(`"Ann"`)},
			Lacks: []string{"zip"},
		})
		w.decide(linked(one, in, nil))
		if got := show(w.get(one), domain.HubSpot, "city"); got != "null" {
			w.t.Errorf("city %s, want null", got)
		}
		if got := show(w.get(one), domain.HubSpot, "zip"); got != `"94601"` {
			w.t.Errorf("zip %s, want it as it was before HubSpot had no such property", got)
		}
	})
}

func TestAnOutcomeShowsWhatTheTargetHolds(t *testing.T) {
	both(t, func(w *world) {
		in := w.tell(hub, domain.RecordCreated, 1000, "city", "Zoë  City")
		w.decide(linked(one, in, nil))
		w.append(alo.Stream(), domain.CommandSettled, alo.Stream(), domain.Outcome{
			Contact: one, Kind: domain.KindUpdate, System: domain.Aloware, Record: alo, Result: domain.ResultPartly, Clock: 2000,
			Sent: domain.Properties{
				"city": json.RawMessage(`"Zoë  City"`), "first_name": json.RawMessage(`"Ann"`), "email": json.RawMessage(`"x"`),
			},
			Shows:   domain.Properties{"cnam_city": json.RawMessage(`"Zoë City"`)},
			Refused: map[string]string{"email": domain.ReasonInvalid},
		})
		c := w.get(one)
		city := c.Records[0].Values["cnam_city"]
		if string(city.Value) != `"Zoë City"` || city.By != "duolog" {
			w.t.Errorf("city %+v, want the target's rendering, by duolog", city)
		}
		if got := show(c, domain.Aloware, "first_name"); got != `"Ann"` {
			w.t.Errorf("first_name %s, want what was sent", got)
		}
		if got := show(c, domain.Aloware, "email"); got != "" {
			w.t.Errorf("email %s, want nothing: it was refused", got)
		}
	})
}

func TestTheHigherInputWinsWhateverTheLogOrder(t *testing.T) {
	both(t, func(w *world) {
		first := w.tell(hub, domain.RecordCreated, 1000, "email", "jane@example.com")
		second := w.tell(hub, domain.RecordUpdated, 2000, "city", "Oakland")
		late := linked(one, second, map[string]planner.FieldState{"city": {State: planner.InStep}})
		w.decide(late)
		early := linked(two, first, nil)
		w.decide(early)
		w.decide(planner.Decision{Contact: one, Input: first, Head: &planner.HeadState{}, Fields: []planner.Verdict{
			{Field: "city", After: planner.FieldState{State: planner.Apart, Result: planner.Blocked}},
		}})
		c := w.get(one)
		if len(c.Records) != 2 || c.Status != contacts.InStep {
			w.t.Errorf("contact %+v, want the links and fields of the later input", c)
		}
		if got := w.found("hubspot:512"); !slices.Equal(got, []ulid.ULID{one}) {
			w.t.Errorf("hubspot:512 is of %v, want %s", got, one)
		}
		if got := len(w.get(two).Records); got != 0 {
			w.t.Errorf("the contact of the earlier input has %d records", got)
		}
	})
}

func TestFindByAnythingPeopleType(t *testing.T) {
	both(t, func(w *world) {
		in := w.tell(hub, domain.RecordCreated, 1000, "email", "Jane.Cooper@Example.com", "firstname", "Jane", "lastname",
			"Cooper", "phone", "(415) 555-0132")
		w.decide(linked(one, in, nil))
		for _, text := range []string{
			one.String(), "hubspot:512", "aloware:90417", "jane.cooper@EXAMPLE.com", "+1 415 555 0132", "415-555-0132",
			"jane", "Cooper Jane",
		} {
			if got := w.found(text); !slices.Equal(got, []ulid.ULID{one}) {
				w.t.Errorf("%q finds %v", text, got)
			}
		}
		w.tell(hub, domain.RecordUpdated, 2000, "email", "jane@new.example", "lastname", "Smith")
		for _, text := range []string{"jane.cooper@example.com", "jane cooper", "hubspot:1", two.String(), "", "x@y"} {
			if got := w.found(text); len(got) != 0 {
				w.t.Errorf("%q finds %v, want nothing", text, got)
			}
		}
		if got := w.found("jane@new.example"); !slices.Equal(got, []ulid.ULID{one}) {
			w.t.Errorf("the new email finds %v", got)
		}
	})
}

func TestAnAliasMeansTheSurvivorWithAllRecords(t *testing.T) {
	both(t, func(w *world) {
		in := w.tell(hub, domain.RecordCreated, 1000, "email", "jane@example.com")
		w.decide(linked(two, in, map[string]planner.FieldState{"city": {State: planner.Apart}}))
		merge := w.tell(hub, domain.RecordMerged, 2000, "city", "Oakland")
		w.decide(planner.Decision{Contact: one, Input: merge, Aliases: []planner.Alias{{From: two, To: one}}})
		c := w.get(two)
		if c.ID != one || len(c.Records) != 2 || len(c.Fields) != 0 {
			w.t.Errorf("the former id gives %+v", c)
		}
		if got := w.found("jane@example.com"); !slices.Equal(got, []ulid.ULID{one}) {
			w.t.Errorf("the email finds %v, want %s", got, one)
		}
		counts, err := w.reader.Counts(w.t.Context())
		if err != nil || counts[contacts.InStep] != 1 || len(counts) != 1 {
			w.t.Errorf("counts %v, %v: an alias is no contact", counts, err)
		}
		streams, err := w.reader.Streams(w.t.Context(), two)
		want := []string{alo.Stream(), "contact/" + one.String(), "contact/" + two.String(), hub.Stream()}
		if err != nil || !slices.Equal(streams, want) {
			w.t.Errorf("streams %v, %v; want %v", streams, err, want)
		}
	})
}

func TestStatusSaysWhatNeedsAttentionFirst(t *testing.T) {
	field := func(state planner.FieldStatus, result planner.Result) map[string]planner.FieldState {
		return map[string]planner.FieldState{"a": {State: planner.InStep}, "b": {State: state, Result: result, Rule: "why"}}
	}
	for _, c := range []struct {
		want   string
		change func(d *planner.Decision)
		fields map[string]planner.FieldState
	}{
		{contacts.InStep, nil, field(planner.InStep, planner.Agreed)},
		{contacts.Pending, nil, field(planner.Pending, planner.Sent)},
		{contacts.Pending, nil, field(planner.Dirty, planner.Waiting)},
		{contacts.Apart, nil, field(planner.Apart, planner.Blocked)},
		{contacts.Held, nil, field(planner.Apart, planner.HeldBack)},
		{contacts.Failing, nil, field(planner.Apart, planner.Refused)},
		{contacts.Pending, func(d *planner.Decision) { d.Head = &planner.HeadState{Dirty: true} }, nil},
		{contacts.Held, func(d *planner.Decision) { d.Head = &planner.HeadState{Review: "two candidates"} }, nil},
		{contacts.Unlinked, func(d *planner.Decision) { d.Links = d.Links[:1] }, nil},
		{contacts.Excluded, func(d *planner.Decision) { d.Links[1].State = planner.Excluded }, nil},
		{contacts.Pending, func(d *planner.Decision) {
			d.Links = d.Links[:1]
			d.Head = &planner.HeadState{Creation: planner.Creation{System: domain.Aloware, Command: one}}
		}, nil},
		{contacts.Failing, func(d *planner.Decision) {
			d.Links = d.Links[:1]
			d.Head = &planner.HeadState{Creation: planner.Creation{Command: one, Result: planner.Refused}}
		}, nil},
		{contacts.Held, nil, field(planner.Dirty, planner.HeldBack)},
	} {
		w := newWorld(t, backends.SQLite(t))
		d := linked(one, w.tell(hub, domain.RecordCreated, 1000, "city", "x"), c.fields)
		if c.change != nil {
			c.change(&d)
		}
		w.decide(d)
		listed, err := w.reader.List(t.Context(), contacts.Filter{Status: c.want})
		if err != nil || len(listed) != 1 || listed[0].Status != c.want {
			t.Errorf("status %s, want %s (listed %d, %v)", w.get(one).Status, c.want, len(listed), err)
		}
	}
}

func TestListPages(t *testing.T) {
	both(t, func(w *world) {
		in := w.tell(hub, domain.RecordCreated, 1000, "city", "x")
		w.decide(planner.Decision{Contact: one, Input: in})
		w.decide(planner.Decision{Contact: two, Input: in})
		first, err := w.reader.List(w.t.Context(), contacts.Filter{Limit: 1})
		if err != nil || len(first) != 1 || first[0].ID != one {
			w.t.Fatalf("first page %+v, %v", first, err)
		}
		rest, err := w.reader.List(w.t.Context(), contacts.Filter{After: one, Status: contacts.Unlinked})
		if err != nil || len(rest) != 1 || rest[0].ID != two {
			w.t.Errorf("second page %+v, %v", rest, err)
		}
	})
}

func TestAReadIsAwaitedUntilItsAnswer(t *testing.T) {
	both(t, func(w *world) {
		command := ulid.Make()
		first := w.tell(hub, domain.RecordCreated, 1000, "city", "Oakland")
		second := w.tell(hub, domain.RecordUpdated, 2000, "city", "Boston")
		asked := linked(one, first, nil)
		asked.Links[0].Reading = command
		w.decide(asked)
		if c := w.get(one); c.Status != contacts.Pending {
			w.t.Errorf("status %s before the answer, want pending", c.Status)
		}
		w.append(hub.Stream(), domain.RecordObserved, hub.Stream(), domain.Fact{
			Via: "read", Clock: 3000, Answer: &domain.Answer{Command: command, Contact: one, By: "id"},
		})
		if c := w.get(one); c.Status != contacts.InStep {
			w.t.Errorf("status %s after the answer, want in_step", c.Status)
		}
		asked.Input = second
		w.decide(asked) // on an input before the answer: it repeats the read that was answered meanwhile
		if c := w.get(one); c.Status != contacts.InStep {
			w.t.Errorf("status %s after a late decision, want in_step", c.Status)
		}
	})
}
