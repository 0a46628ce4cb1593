// Package logtest makes random logs that hold every kind of event a projection folds: values out of order, links that
// move, contacts that become aliases, decisions written after later inputs. The same seed gives the same log.
package logtest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
)

// Start is the clock of a log's first event, µs UTC.
const Start = int64(1_790_000_000_000_000)

// people is how many contacts a log has unless Spread says otherwise.
const people = 7

// Generator makes events.
type Generator struct {
	rnd      *rand.Rand
	made     int
	contacts []ulid.ULID
	retired  int       // contacts below this index became aliases
	command  ulid.ULID // issued last
	decided  ulid.ULID // the contact decided on last
	// of operations
	plans, operations []ulid.ULID
	pages             []int64
}

// New returns a generator of the seed.
func New(seed uint64) *Generator {
	g := &Generator{rnd: rand.New(rand.NewPCG(seed, 1))}
	g.Spread(people)
	return g
}

// Spread lets the log be about so many people.
func (g *Generator) Spread(n int) {
	g.contacts = nil
	for i := range n {
		g.contacts = append(g.contacts, g.id(i, "contact"))
	}
}

func (g *Generator) id(n int, kind string) ulid.ULID {
	var seed ulid.ULID
	if err := seed.SetTime(uint64(Start/1000) + uint64(n)); err != nil {
		panic(err)
	}
	return domain.DeriveID(seed, kind, domain.HubSpot, int(g.rnd.Int32()))
}

// Next makes the event for the position after head.
func (g *Generator) Next(head int64) eventstore.NewEvent {
	g.made++
	switch n := g.rnd.IntN(20); {
	case n == 0:
		return g.settings()
	case n < 9:
		return g.fact()
	case n < 16:
		return g.decision(head)
	case n < 19:
		return g.outcome()
	}
	return g.act()
}

// Events makes n events for the positions after head.
func (g *Generator) Events(head int64, n int) []eventstore.NewEvent {
	events := make([]eventstore.NewEvent, n)
	for i := range events {
		events[i] = g.Next(head + int64(i))
	}
	return events
}

func (g *Generator) event(stream, kind, subject string, payload any) eventstore.NewEvent {
	data, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	return eventstore.NewEvent{
		ID: g.id(g.made, "event"), Stream: stream, Type: kind, Schema: 1, OccurredAt: g.clock(), Actor: "test",
		Subject: subject, Data: data,
	}
}

// clock is near the log's time, so that values come out of order.
func (g *Generator) clock() int64 {
	return Start + int64(g.made)*1_000_000 + g.rnd.Int64N(8_000_000) - 4_000_000
}

// Record returns one of the log's records.
func (g *Generator) Record() domain.Record {
	return domain.Record{System: domain.Systems[g.rnd.IntN(2)], ID: fmt.Sprint(500 + g.rnd.IntN(len(g.contacts)))}
}

func (g *Generator) contact() ulid.ULID { return g.contacts[g.rnd.IntN(len(g.contacts))] }

var names = map[domain.System][]string{
	domain.HubSpot: {"email", "phone", "firstname", "lastname", "city", "unmapped"},
	domain.Aloware: {"email", "phone_number", "first_name", "last_name", "cnam_city"},
}

var texts = []string{
	"jane@example.com", "JOE@example.com", "+14155550132", "(415) 555-0199", "Jane", "Anne Marie", "O'Neil", "", "Oakland",
}

func (g *Generator) properties(system domain.System) domain.Properties {
	props := domain.Properties{}
	for _, name := range names[system] {
		if g.rnd.IntN(2) == 0 {
			props[name], _ = json.Marshal(texts[g.rnd.IntN(len(texts))])
		}
	}
	return props
}

var factTypes = []string{
	domain.RecordCreated, domain.RecordUpdated, domain.RecordUpdated, domain.RecordUpdated, domain.RecordObserved,
	domain.RecordDeleted, domain.RecordMerged, domain.RecordAbsent,
}

func (g *Generator) fact() eventstore.NewEvent {
	rec := g.Record()
	f := domain.Fact{
		Via: "webhook", Properties: g.properties(rec.System), Clock: g.clock(), Complete: g.rnd.IntN(4) == 0,
		Origin: domain.Origin{Source: "CRM_UI", ID: "userId:7", Own: g.rnd.IntN(3) == 0},
	}
	if rec.System == domain.HubSpot {
		f.Clocks = map[string]int64{"email": g.clock()}
	}
	if g.rnd.IntN(5) == 0 {
		f.Answer = &domain.Answer{Command: g.command, Contact: g.contact(), By: "id", Found: []domain.Record{rec}}
	}
	return g.event(rec.Stream(), factTypes[g.rnd.IntN(len(factTypes))], rec.Stream(), f)
}

func (g *Generator) outcome() eventstore.NewEvent {
	rec := g.Record()
	results := []string{domain.ResultApplied, domain.ResultPartly, domain.ResultRejected, domain.ResultSuperseded}
	o := domain.Outcome{
		Command: g.command, Contact: g.decided, Kind: domain.KindUpdate, System: rec.System, Record: rec,
		Result: results[g.rnd.IntN(len(results))], Sent: g.properties(rec.System), Shows: g.properties(rec.System),
		Clock: g.clock(), Complete: g.rnd.IntN(4) == 0, Refused: map[string]string{"email": domain.ReasonInvalid},
	}
	return g.event(rec.Stream(), domain.CommandSettled, rec.Stream(), o)
}

var (
	states  = []planner.FieldStatus{planner.InStep, planner.InStep, planner.Pending, planner.Apart, planner.Dirty}
	results = []planner.Result{planner.Sent, planner.Echo, planner.Refused, planner.HeldBack, planner.Blocked}
	links   = []planner.LinkState{
		planner.Linked, planner.Linked, planner.Linked, planner.Unlinked, planner.Absorbed, planner.Deleted, planner.Held,
	}
)

// decision is about an input that may lie well before the head: others came while it was decided.
func (g *Generator) decision(head int64) eventstore.NewEvent {
	d := planner.Decision{
		Planner: 1, Settings: 1, Mode: domain.ModeLive, Contact: g.contact(),
		Input: max(1, head-g.rnd.Int64N(12)), Trigger: domain.RecordUpdated,
	}
	for range g.rnd.IntN(3) {
		d.Links = append(d.Links, planner.Link{
			Record: g.Record(), Contact: g.contact(), State: links[g.rnd.IntN(len(links))], Reason: "email",
			Reading: g.command,
		})
	}
	for _, name := range []string{"city", "email", "first_name"} {
		if g.rnd.IntN(2) == 0 {
			d.Fields = append(d.Fields, g.verdict(name))
		}
	}
	g.extra(&d)
	g.decided = d.Contact
	return g.event("contact/"+d.Contact.String(), domain.DecisionMade, eventstore.SubjectLog, d)
}

func (g *Generator) verdict(name string) planner.Verdict {
	result := results[g.rnd.IntN(len(results))]
	after := planner.FieldState{State: states[g.rnd.IntN(len(states))], Result: result, Rule: "conflict"}
	if after.State == planner.Pending {
		after.Pending = &planner.PendingWrite{System: domain.Aloware, Command: g.command}
		after.Restated = &planner.PendingWrite{System: domain.HubSpot, Command: g.command}
	}
	return planner.Verdict{
		Field: name, Result: result, Rule: "conflict", From: domain.HubSpot, Command: g.command,
		After: after,
	}
}

// extra adds what few decisions have: a command, a head, an alias.
func (g *Generator) extra(d *planner.Decision) {
	if g.rnd.IntN(3) == 0 {
		g.command = g.id(g.made, "command")
		d.Commands = []planner.Command{{ID: g.command, Kind: domain.KindUpdate, System: domain.Aloware, Record: g.Record()}}
	}
	if g.rnd.IntN(4) == 0 {
		d.Head = &planner.HeadState{Dirty: g.rnd.IntN(2) == 0, Creation: planner.Creation{Result: planner.Creating}}
	}
	if g.rnd.IntN(12) == 0 && g.retired < people-2 {
		d.Aliases = []planner.Alias{{From: g.contacts[g.retired], To: g.contacts[g.retired+1+g.rnd.IntN(2)]}}
		g.retired++
	}
}

func (g *Generator) settings() eventstore.NewEvent {
	s, err := settings.Preset("recommended")
	if err != nil {
		panic(err)
	}
	s.PhoneRegion = []string{"US", "DE"}[g.rnd.IntN(2)]
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return g.event("connection", domain.SettingsChanged, eventstore.SubjectLog, domain.SettingsAct{Version: g.made, Settings: raw})
}

func (g *Generator) act() eventstore.NewEvent {
	return g.event("connection", domain.ModeChanged, eventstore.SubjectLog, domain.Act{Mode: domain.ModeLive})
}

// Append stores the events and returns the new head.
func Append(tb testing.TB, log eventstore.Log, events ...eventstore.NewEvent) int64 {
	tb.Helper()
	got, err := log.Append(tb.Context(), events...)
	if err != nil {
		tb.Fatalf("append: %v", err)
	}
	return got[len(got)-1].Position
}

// Clock is a clock that stands still, for runs whose times must not differ.
func Clock() time.Time { return time.UnixMicro(Start) }
