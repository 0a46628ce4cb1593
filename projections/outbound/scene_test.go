package outbound_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound"
)

// start is the clock of a scene's first event, µs UTC.
const start = int64(1_790_000_000_000_000)

// surname stands in values only: wherever it is found in clear, a personal value is.
const surname = "Quetzalcoatlenko"

// scene is a connection with both systems beside it, as far as commands and webhooks go.
type scene struct {
	*testing.T
	store   eventstore.Store
	log     eventstore.Log
	rnd     *rand.Rand
	rnd2    *rand.Rand // what must not change the history
	now     int64
	made    uint64
	version int
	systems map[domain.System]map[string]map[string]string // record id → read name → value
	hooks   []eventstore.NewEvent
}

func newScene(t *testing.T, store eventstore.Store) *scene {
	t.Helper()
	return newSceneOf(t, store, "acme")
}

func newSceneOf(t *testing.T, store eventstore.Store, connection string) *scene {
	t.Helper()
	log, err := store.Log(t.Context(), connection)
	if err != nil {
		t.Fatal(err)
	}
	return &scene{
		T: t, store: store, log: log, rnd: rand.New(rand.NewPCG(7, 1)), now: start,
		systems: map[domain.System]map[string]map[string]string{domain.HubSpot: {}, domain.Aloware: {}},
	}
}

// tick moves time far enough that no two things happen at once.
func (s *scene) tick() int64 { s.now += 3_000_000; return s.now }

func (s *scene) id() (id ulid.ULID) {
	s.made++
	_ = id.SetTime(uint64(start / 1000))
	binary.BigEndian.PutUint64(id[8:], s.made)
	return id
}

func (s *scene) event(kind, stream, subject string, payload any) eventstore.NewEvent {
	s.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		s.Fatal(err)
	}
	return eventstore.NewEvent{
		ID: s.id(), Type: kind, Schema: domain.SchemaOf(kind), Stream: stream, Subject: subject, Actor: "test", Data: data,
	}
}

func (s *scene) append(events ...eventstore.NewEvent) int64 {
	s.Helper()
	done, err := s.log.Append(s.Context(), events...)
	if err != nil {
		s.Fatal(err)
	}
	return done[len(done)-1].Position
}

func (s *scene) act(kind string, a domain.Act) int64 {
	s.Helper()
	return s.append(s.event(kind, "connection", eventstore.SubjectLog, a))
}

func (s *scene) fact(kind string, rec domain.Record, f domain.Fact) eventstore.NewEvent {
	s.Helper()
	return s.event(kind, rec.Stream(), rec.Stream(), f)
}

// settle the connection's settings anew, changed as edit says.
func (s *scene) set(edit func(*settings.Settings)) {
	s.Helper()
	set, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		s.Fatal(err)
	}
	if edit != nil {
		edit(&set)
	}
	s.version++
	raw, err := json.Marshal(set)
	if err != nil {
		s.Fatal(err)
	}
	s.append(s.event(domain.SettingsChanged, "connection", eventstore.SubjectLog,
		domain.SettingsAct{Version: s.version, Settings: raw}))
}

// open makes a connection that is live, with its baseline done.
func (s *scene) open() {
	s.Helper()
	s.set(nil)
	s.act(domain.BaselineCompleted, domain.Act{})
}

var names = map[domain.System][3]string{
	domain.HubSpot: {"phone", "email", "firstname"}, domain.Aloware: {"phone_number", "email", "first_name"},
}

// person makes the values of a record, n telling people apart.
func person(sys domain.System, n int, name string) map[string]string {
	k := names[sys]
	return map[string]string{
		k[0]: fmt.Sprintf("+1818212%04d", 4000+n), k[1]: fmt.Sprintf("p%d@example.com", n), k[2]: name + " " + surname,
	}
}

func raw(values map[string]string) domain.Properties {
	p := domain.Properties{}
	for k, v := range values {
		p[k], _ = json.Marshal(v)
	}
	return p
}

// born puts a record into a system and returns the fact that tells all of it.
func (s *scene) born(sys domain.System, id string, values map[string]string) eventstore.NewEvent {
	s.systems[sys][id] = values
	return s.fact(domain.RecordObserved, domain.Record{System: sys, ID: id},
		domain.Fact{Via: "webhook", Complete: true, Clock: s.tick(), Properties: raw(values)})
}

// edit changes one value by a person and returns the webhook that tells it.
func (s *scene) edit(rec domain.Record, name, value string, own bool) eventstore.NewEvent {
	values := s.systems[rec.System][rec.ID]
	values[name] = value
	f := domain.Fact{Via: "webhook", Clock: s.tick(), Properties: raw(map[string]string{name: value})}
	f.Origin.Own = own && rec.System == domain.HubSpot
	if rec.System == domain.Aloware {
		f.Properties, f.Complete = raw(values), true
	}
	return s.fact(domain.RecordUpdated, rec, f)
}

// process is a planner at work on the scene; change, when not nil, changes its configuration.
func (s *scene) process(change func(*outbound.Config)) *outbound.Process {
	c := outbound.Config{DB: s.store, Log: s.log}
	if change != nil {
		change(&c)
	}
	return outbound.New(c)
}

// plan runs a process to the end of the log.
func (s *scene) plan(p *outbound.Process) {
	s.Helper()
	for n := 1; n > 0; {
		var err error
		if n, err = p.Step(s.Context()); err != nil {
			s.Fatalf("step: %v", err)
		}
	}
}

func (s *scene) events() []eventstore.Event {
	s.Helper()
	all, err := s.log.Read(s.Context(), 0, 100_000)
	if err != nil {
		s.Fatal(err)
	}
	return all
}

// decisions are the payloads in the log, by event id, and the pauses that guards made with them.
func (s *scene) decisions() map[ulid.ULID][]byte {
	s.Helper()
	all := map[ulid.ULID][]byte{}
	for _, e := range s.events() {
		if e.Type == domain.DecisionMade || e.Type == domain.SyncPaused && e.Actor == "duolog" {
			all[e.ID] = e.Data
		}
	}
	return all
}

// rows are all rows of planner state, opened, without their version, each as one text.
func (s *scene) rows() []string {
	s.Helper()
	var all []string
	s.query(`SELECT record, contact, link, meta, body FROM outbound_record r WHERE `+live, func(r eventstore.Rows) error {
		var record, contact, link, meta string
		var sealed []byte
		if err := r.Scan(&record, &contact, &link, &meta, &sealed); err != nil {
			return err
		}
		var plain []byte
		var err error
		if len(sealed) > 0 { // else nothing is known of it
			plain, err = s.log.Vault().Open(s.Context(), record, "outbound/record", sealed)
		}
		all = append(all, fmt.Sprintln("record", record, contact, link, meta, string(plain)))
		return err
	})
	s.query(`SELECT contact, dirty, head_at, body FROM outbound_contact r WHERE `+live, func(r eventstore.Rows) error {
		var contact, body string
		var dirty, head int64
		err := r.Scan(&contact, &dirty, &head, &body)
		all = append(all, fmt.Sprintln("contact", contact, dirty, head, body))
		return err
	})
	s.query(`SELECT key, record FROM outbound_key r WHERE `+live, func(r eventstore.Rows) error {
		var key []byte
		var record string
		err := r.Scan(&key, &record)
		all = append(all, fmt.Sprintf("key %x %s\n", key, record))
		return err
	})
	s.query(`SELECT control FROM outbound WHERE connection = $1 AND live = 1`, func(r eventstore.Rows) error {
		var control string
		err := r.Scan(&control)
		all = append(all, fmt.Sprintln("control", control))
		return err
	})
	slices.Sort(all)
	return all
}

const live = `r.connection = $1 AND r.version = (SELECT o.version FROM outbound o WHERE o.connection = $1 AND o.live = 1)`

func (s *scene) query(text string, scan func(eventstore.Rows) error) {
	s.Helper()
	rows, err := s.store.Query(s.Context(), text, s.log.Connection())
	if _, err = eventstore.Scan(rows, err, func(r eventstore.Rows) (struct{}, error) { return struct{}{}, scan(r) }); err != nil {
		s.Fatal(err)
	}
}

// same fails with the rows that differ.
func (s *scene) same(what string, want []string) {
	s.Helper()
	got := s.rows()
	for _, r := range got {
		if !slices.Contains(want, r) {
			s.Errorf("%s: has row\n%s", what, r)
		}
	}
	for _, r := range want {
		if !slices.Contains(got, r) {
			s.Errorf("%s: lacks row\n%s", what, r)
		}
	}
	if s.Failed() {
		s.FailNow()
	}
}

func (s *scene) story() string {
	var b bytes.Buffer
	for _, e := range s.events() {
		if e.Type != domain.SettingsChanged {
			fmt.Fprintf(&b, "%d %s %s %s\n", e.Position, e.Type, e.Stream, e.Data)
		}
	}
	return b.String()
}

func sortedIDs[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
