package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/state"
)

// benchLife makes the log of a connection that has been in use: everybody is seen in both systems and linked, then
// fields change here and there, each change with its decision, its outcome, and the echo that comes back. The events
// have the shapes that adapters, planner and dispatcher give them; who changes is Zipf-distributed.
type benchLife struct {
	rnd    *rand.Rand
	who    *rand.Zipf
	fields []settings.Field // those that people have values for
	digest planner.Digester
	id     func() ulid.ULID

	contacts []ulid.ULID
	changes  []uint32 // how often each contact changed
	born     int
	position int64 // of the last event made
	clock    int64 // µs UTC
	made     []eventstore.NewEvent

	view     *planner.View // by which everything is decided; nil: decisions have the shape only
	recorded int64         // when all of it is recorded, µs UTC
	outgoing []planner.Outgoing
}

// changing are the fields that change, in turn.
var changing = []string{"city", "address", "company_name", "zipcode", "website", "state", "last_name"}

func newBenchLife(contacts int, skew float64, digest planner.Digester) (*benchLife, error) {
	s, err := benchSettings()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	l := &benchLife{
		rnd: rnd, who: rand.NewZipf(rnd, skew, 1, uint64(contacts-1)), fields: s.Fields,
		digest: digest, id: ulid.Make,
		contacts: make([]ulid.ULID, contacts), changes: make([]uint32, contacts),
		clock: time.Now().UnixMicro(),
	}
	l.add("connection", domain.SettingsChanged, "duolog", 0, domain.SettingsAct{Version: 1, Settings: raw})
	l.add("connection", domain.BaselineCompleted, "duolog", 0, domain.Act{})
	return l, nil
}

// benchSettings are in force in the logs of benches.
func benchSettings() (settings.Settings, error) {
	s, err := settings.Preset(settings.PresetRecommended)
	s.Guards = settings.Guards{} // much changes at once, on purpose
	return s, err
}

// next makes what happens next: a birth, until everybody is there, then a change.
func (l *benchLife) next() {
	if l.born < len(l.contacts) {
		l.birth(l.born)
		l.born++
		return
	}
	// Rank and number are kept apart, so that those who change most do not lie side by side.
	l.change(int(l.who.Uint64() * 1_000_003 % uint64(len(l.contacts))))
}

func (l *benchLife) take() []eventstore.NewEvent {
	made := l.made
	l.made = nil
	return made
}

// add makes an event and returns its position.
func (l *benchLife) add(stream, kind, actor string, causation int64, payload any) int64 {
	data, err := json.Marshal(payload)
	if err != nil {
		panic(err) // payloads are of our own types
	}
	subject := stream
	if kind == domain.DecisionMade || stream == "connection" {
		subject = eventstore.SubjectLog
	}
	l.position++
	l.clock += 1 + l.rnd.Int64N(200_000)
	l.made = append(l.made, eventstore.NewEvent{
		ID: l.id(), Stream: stream, Type: kind, Schema: domain.SchemaOf(kind), OccurredAt: l.clock, Actor: actor,
		Causation: causation, Subject: subject, Data: data,
	})
	at := l.position
	if l.view != nil {
		l.plan(l.made[len(l.made)-1])
	}
	return at
}

func benchRecord(system domain.System, who int) domain.Record {
	if system == domain.HubSpot {
		return domain.Record{System: system, ID: strconv.Itoa(1_000_001 + who*50)}
	}
	return domain.Record{System: system, ID: strconv.Itoa(90_000_001 + who)}
}

// values are those of a person after so many changes, by field.
func (l *benchLife) values(who int) map[string]string {
	v := sandboxkit.NewFields(sandboxkit.NewChance(1, "bench "+strconv.Itoa(who)), who)
	n := int(l.changes[who])
	for k := max(0, n-len(changing)); k < n; k++ {
		v[changing[k%len(changing)]] = "Value " + strconv.Itoa(who) + "-" + strconv.Itoa(k)
	}
	return v
}

// shown are the values as the system names them, those of all fields or of one.
func (l *benchLife) shown(system domain.System, values map[string]string, only string) domain.Properties {
	props := domain.Properties{}
	for _, f := range l.fields {
		if v, ok := values[f.Name]; ok && (only == "" || only == f.Name) {
			if f.Name == settings.PhoneField && system == domain.HubSpot && v[len(v)-1]%2 == 0 {
				v = "(" + v[2:5] + ") " + v[5:8] + "-" + v[8:] // half of the people typed theirs
			}
			props[f.Side(system).Read] = json.RawMessage(strconv.Quote(v))
		}
	}
	return props
}

func (l *benchLife) fact(kind, via string, rec domain.Record, f domain.Fact) int64 {
	f.Via, f.Clock = via, l.clock
	return l.add(rec.Stream(), kind, string(rec.System), 0, f)
}

// birth lets both systems show a person, and links what they show.
func (l *benchLife) birth(who int) {
	l.contacts[who] = l.id()
	values := l.values(who)
	d := planner.Decision{Head: &planner.HeadState{}, Whole: &planner.Whole{Result: planner.LinkedUp, Rule: "email"}}
	for _, system := range domain.Systems {
		rec := benchRecord(system, who)
		d.Input = l.fact(domain.RecordObserved, "scan", rec, domain.Fact{
			Properties: l.shown(system, values, ""), Complete: true,
		})
		d.Links = append(d.Links, planner.Link{
			Record: rec, Contact: l.contacts[who], State: planner.Linked, Reason: "email", Ever: true,
		})
		d.Whole.Others = append(d.Whole.Others, rec)
	}
	for _, f := range l.fields {
		digest := l.digest.Of(f.Name, values[f.Name])
		d.Fields = append(d.Fields, planner.Verdict{
			Field: f.Name, Result: planner.Agreed, Rule: "same on both sides",
			After: planner.FieldState{State: planner.InStep, Base: map[domain.System]string{
				domain.Aloware: digest, domain.HubSpot: digest,
			}},
		})
	}
	l.decide(who, domain.RecordObserved, d)
}

func (l *benchLife) decide(who int, trigger string, d planner.Decision) {
	if l.view != nil {
		return // it was decided as it was told
	}
	d.Planner, d.Settings, d.Mode = planner.Version, 1, domain.ModeLive
	d.At, d.Trigger, d.Contact = l.clock, trigger, l.contacts[who]
	d.Considered = []domain.Record{benchRecord(domain.Aloware, who), benchRecord(domain.HubSpot, who)}
	l.add("contact/"+d.Contact.String(), domain.DecisionMade, "duolog", d.Input, d)
}

// change lets a field change in one system, writes it to the other, and lets that tell it back.
func (l *benchLife) change(who int) {
	name := changing[int(l.changes[who])%len(changing)]
	if l.view != nil {
		l.changeTruly(who, name)
		return
	}
	was := l.digest.Of(name, l.values(who)[name])
	l.changes[who]++
	values := l.values(who)
	here := domain.Systems[l.rnd.IntN(2)]
	there := here.Other()
	command := l.id()
	input := l.webhook(here, who, values, name, domain.Origin{Source: "CRM_UI", ID: "userId:7"})
	sent, digest := l.sent(here, who, input, name, was, l.digest.Of(name, values[name]), command)
	l.decide(who, domain.RecordUpdated, sent)
	f, _ := settings.Settings{Fields: l.fields}.Field(name)
	l.add(benchRecord(there, who).Stream(), domain.CommandSettled, "duolog", input, domain.Outcome{
		Command: command, Contact: l.contacts[who], Kind: domain.KindUpdate, System: there,
		Record: benchRecord(there, who), Result: domain.ResultApplied, Attempt: l.id(), Attempts: 1, Clock: l.clock,
		Sent:  domain.Properties{f.Side(there).Write: json.RawMessage(strconv.Quote(values[name]))},
		Shows: l.told(there, values, name), Complete: there == domain.Aloware,
	})
	echo := planner.Verdict{
		Field: name, Result: planner.Echo, From: here, Command: command, After: sent.Fields[0].After,
	}
	echo.After.State, echo.After.Pending = planner.InStep, nil
	echo.After.Base = map[domain.System]string{here: digest, there: digest}
	l.decide(who, domain.RecordUpdated, planner.Decision{
		Input:  l.webhook(there, who, values, name, domain.Origin{Source: "INTEGRATION", ID: "900100", Own: true}),
		Fields: []planner.Verdict{echo},
	})
}

// edit lets a field change in HubSpot, and no more.
func (l *benchLife) edit(who int) {
	name := changing[int(l.changes[who])%len(changing)]
	l.changes[who]++
	l.webhook(domain.HubSpot, who, l.values(who), name, domain.Origin{Source: "CRM_UI", ID: "userId:7"})
}

// told is what a system tells of a change: HubSpot the property, Aloware the whole record.
func (l *benchLife) told(system domain.System, values map[string]string, name string) domain.Properties {
	if system == domain.Aloware {
		name = ""
	}
	return l.shown(system, values, name)
}

func (l *benchLife) webhook(system domain.System, who int, values map[string]string, name string, by domain.Origin) int64 {
	f := domain.Fact{Properties: l.told(system, values, name), Origin: by, Vendor: "contact.propertyChange"}
	if system == domain.Aloware {
		f.Complete, f.Vendor = true, "Contact-Updated"
	}
	return l.fact(domain.RecordUpdated, "webhook", benchRecord(system, who), f)
}

// sent is the decision to write a change to the other side.
func (l *benchLife) sent(
	here domain.System, who int, input int64, name, was, digest string, command ulid.ULID,
) (planner.Decision, string) {
	f, _ := settings.Settings{Fields: l.fields}.Field(name)
	there := here.Other()
	return planner.Decision{
		Input: input,
		Fields: []planner.Verdict{{
			Field: name, Result: planner.Sent, From: here, Command: command,
			Value: &planner.Ref{
				Record: benchRecord(here, who), Property: f.Side(here).Read, Position: input, Digest: digest,
			},
			After: planner.FieldState{
				Base:    map[domain.System]string{here: digest, there: was},
				Pending: &planner.PendingWrite{System: there, Command: command, Digest: digest, Was: was},
				State:   planner.Pending, From: here, Since: l.clock,
				Recent: []planner.HeldValue{{System: here, Digest: was, At: l.clock}, {System: there, Digest: digest, At: l.clock}},
			},
		}},
		Commands: []planner.Command{{
			ID: command, Kind: domain.KindUpdate, System: there, Record: benchRecord(there, who),
			Source: benchRecord(here, who), Digests: map[string]string{name: digest},
		}},
	}, digest
}

// fillBatch is the number of events appended at once.
const fillBatch = 2000

// fillLog appends so many events about so many people, or a few more: the last change is told to its end.
func (c *cli) fillLog(ctx context.Context, a *app.App, events, contacts int, skew float64) (*benchLife, error) {
	life, err := newBenchLife(contacts, skew, state.Digester(a.Log.Vault()))
	if err != nil {
		return nil, err
	}
	return life, c.fillWith(ctx, a, life, events)
}

func (c *cli) fillWith(ctx context.Context, a *app.App, life *benchLife, events int) error {
	ctx, stop := context.WithCancel(ctx)
	batches := make(chan []eventstore.NewEvent, 1)
	defer func() { // no life goes on when this is over
		stop()
		for range batches { // until it is closed
		}
	}()
	go func() { // makes the next batch while one is stored
		defer close(batches)
		for ctx.Err() == nil && int(life.position) < events {
			for life.next(); len(life.made) < fillBatch && int(life.position) < events; {
				life.next()
			}
			select {
			case batches <- life.take():
			case <-ctx.Done():
			}
		}
	}()
	m := c.meter("fill", "events")
	defer m.done()
	for batch := range batches {
		got, err := a.Log.Append(ctx, batch...)
		if err != nil {
			return fmt.Errorf("fill the log: %w", err)
		}
		m.set(got[len(got)-1].Position, int64(events))
	}
	return ctx.Err()
}
