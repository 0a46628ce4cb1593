package scale

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/history"
)

// Options of a measurement; zero values take the defaults named.
type Options struct {
	Rounds int           // 40, in each of which both connections have their turns
	Calls  int           // 5 of each kind in a turn
	Burst  time.Duration // 100 ms of appends by 32 writers in a turn
	// Progress is called after each round, when not nil.
	Progress func(done, total int)
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		v   *int
		def int
	}{{&o.Rounds, 40}, {&o.Calls, 5}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	if o.Burst == 0 {
		o.Burst = 100 * time.Millisecond
	}
	return o
}

// Growth is what one kind of call takes on the small and on the large connection: medians.
type Growth struct {
	What  string  `json:"what"`
	Small float64 `json:"small_ms"`
	Large float64 `json:"large_ms"`
	Ratio float64 `json:"ratio"`
}

// Result is what was measured.
type Result struct {
	Growth []Growth
	// SmallRate and LargeRate are events a second of 32 writers, medians.
	SmallRate, LargeRate float64
}

// Measure does the same on both connections, in turns.
func Measure(ctx context.Context, small, large *Connection, o Options) (Result, error) {
	o = o.withDefaults()
	a, b := newSide(small), newSide(large)
	for round := range o.Rounds + 1 {
		for _, s := range []*side{a, b} {
			if err := s.turn(ctx, o); err != nil {
				return Result{}, err
			}
		}
		if o.Progress != nil {
			o.Progress(round, o.Rounds)
		}
		if round == 0 { // the first fills caches and prepares statements
			a.forget()
			b.forget()
		}
	}
	r := Result{SmallRate: median(a.rates), LargeRate: median(b.rates)}
	for _, c := range calls {
		g := Growth{What: c.what, Small: median(a.took[c.what]), Large: median(b.took[c.what])}
		g.Ratio = g.Large / g.Small
		r.Growth = append(r.Growth, g)
	}
	return r, nil
}

// side is a connection being measured.
type side struct {
	*Connection
	engine
	contacts *contacts.Reader
	history  *history.Reader
	newID    func() ulid.ULID
	random   *rand.Rand
	changes  int
	took     map[string][]float64 // ms
	rates    []float64
}

func newSide(c *Connection) *side {
	return &side{
		Connection: c, engine: newEngine(c.Store, c.Log), contacts: contacts.NewReader(c.Store, c.Log),
		history: history.NewReader(c.Store, c.Log), newID: ingest.NewIDs(time.Now),
		random: rand.New(rand.NewPCG(1, 2)), took: map[string][]float64{},
	}
}

func (s *side) forget() { s.took, s.rates = map[string][]float64{}, nil }

// calls are the kinds of calls measured.
var calls = []struct {
	what string
	// before is not timed; nil: nothing.
	before func(context.Context, *side, person) error
	do     func(context.Context, *side, person, ulid.ULID) error
}{
	{what: "append one event", do: func(ctx context.Context, s *side, p person, _ ulid.ULID) error {
		return s.tell(ctx, p, "lifecyclestage", "lead")
	}},
	{what: "plan one fact", before: changeCity, do: func(ctx context.Context, s *side, _ person, _ ulid.ULID) error {
		n, err := s.planner.Step(ctx)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d events planned, want one", n)
		}
		return err
	}},
	{what: "read a record's stream", do: func(ctx context.Context, s *side, p person, _ ulid.ULID) error {
		events, err := s.Log.ReadStream(ctx, domain.Record{System: domain.HubSpot, ID: p.hubspot}.Stream(), 0, 100)
		return atLeastOne(len(events), err)
	}},
	{what: "get an event", do: func(ctx context.Context, s *side, _ person, _ ulid.ULID) error {
		events, err := s.Log.Get(ctx, 1+s.random.Int64N(s.Events))
		return atLeastOne(len(events), err)
	}},
	{what: "show a contact", do: func(ctx context.Context, s *side, _ person, id ulid.ULID) error {
		_, err := s.contacts.Get(ctx, id)
		return err
	}},
	{what: "find a contact by email", do: func(ctx context.Context, s *side, p person, _ ulid.ULID) error {
		found, err := s.contacts.Find(ctx, p.email)
		return atLeastOne(len(found), err)
	}},
	{what: "tell a contact's history", do: func(ctx context.Context, s *side, _ person, id ulid.ULID) error {
		entries, err := s.history.Timeline(ctx, id)
		return atLeastOne(len(entries), err)
	}},
}

func atLeastOne(n int, err error) error {
	if err == nil && n == 0 {
		err = errors.New("nothing was found")
	}
	return err
}

// turn does some calls of each kind, and then a burst of appends.
func (s *side) turn(ctx context.Context, o Options) error {
	for _, c := range calls {
		for range o.Calls {
			n := s.random.IntN(s.Contacts)
			who, id := personAt(n), s.pattern.ids(n)[s.pattern.contact]
			if c.before != nil {
				if err := c.before(ctx, s, who); err != nil {
					return fmt.Errorf("%s: %w", c.what, err)
				}
			}
			began := time.Now()
			if err := c.do(ctx, s, who, id); err != nil {
				return fmt.Errorf("%s: %w", c.what, err)
			}
			s.took[c.what] = append(s.took[c.what], float64(time.Since(began).Nanoseconds())/1e6)
		}
	}
	rate, err := s.burst(ctx, o.Burst)
	s.rates = append(s.rates, rate)
	return err
}

// tell appends what HubSpot told about a person.
func (s *side) tell(ctx context.Context, p person, property, value string) error {
	e, err := fact(s.newID(), domain.Record{System: domain.HubSpot, ID: p.hubspot}, domain.RecordUpdated, domain.Fact{
		Via: "webhook", Clock: time.Now().UnixMicro(), Properties: domain.Properties{property: quote(value)},
	})
	if err != nil {
		return err
	}
	_, err = s.Log.Append(ctx, e)
	return err
}

// changeCity appends a change that is to be planned, alone.
func changeCity(ctx context.Context, s *side, p person) error {
	for {
		n, err := s.planner.Step(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			s.changes++
			return s.tell(ctx, p, "city", "City "+strconv.Itoa(s.changes))
		}
	}
}

// writers append at the same time in a burst.
const writers = 32

// burst returns how many events a second were appended.
func (s *side) burst(ctx context.Context, d time.Duration) (float64, error) {
	var wg sync.WaitGroup
	var done atomic.Int64
	failures := make([]error, writers)
	began := time.Now()
	for i := range writers {
		random := rand.New(rand.NewPCG(uint64(i), uint64(began.UnixNano())))
		wg.Go(func() {
			for time.Since(began) < d && failures[i] == nil {
				record := domain.Record{System: domain.Aloware, ID: personAt(random.IntN(s.Contacts)).aloware}
				e, err := fact(s.newID(), record, domain.ActivityObserved, domain.Fact{Via: "webhook"})
				if err == nil {
					_, err = s.Log.Append(ctx, e)
				}
				failures[i] = err
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(began).Seconds(), errors.Join(failures...)
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
