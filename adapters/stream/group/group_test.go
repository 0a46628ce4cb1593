package group_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// perSecond is how many events come meanwhile.
const perSecond = 5000

var long = flag.Duration("conformance", 6*time.Second, "how long members are killed, one a second")

func openLog(t *testing.T, store eventstore.Store) eventstore.Log {
	t.Helper()
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// facts appends n events, spread over records.
func facts(t *testing.T, log eventstore.Log, n, records int) {
	t.Helper()
	all := make([]eventstore.NewEvent, n)
	for i := range all {
		stream := fmt.Sprintf("hubspot/contact/%d", rand.IntN(records))
		all[i] = eventstore.NewEvent{
			ID: ulid.Make(), Stream: stream, Type: domain.RecordUpdated, Schema: 1, Actor: "test", Subject: eventstore.SubjectLog,
			Data: []byte(`{"via":"webhook","properties":{"city":"Bern"}}`),
		}
	}
	if _, err := log.Append(t.Context(), all...); err != nil {
		t.Error(err)
	}
}

func create(t *testing.T, g *group.Groups, s group.Spec) {
	t.Helper()
	if err := g.Create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
}

// clock is a member's own.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) pass(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

func claim(t *testing.T, g *group.Groups, member string, want int) group.Share {
	t.Helper()
	s, err := g.Claim(t.Context(), "shop", member)
	if err != nil {
		t.Fatalf("%s claims: %v", member, err)
	}
	if len(s.Held) != want {
		t.Fatalf("%s holds %d partitions, want %d", member, len(s.Held), want)
	}
	return s
}

func TestPartitionsAreSharedAndTakenOver(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		clocks := map[string]*clock{}
		member := func(name string) *group.Groups {
			clocks[name] = &clock{t: time.Now()}
			return group.New(store, log, clocks[name].now)
		}
		pass := func(d time.Duration) {
			for _, c := range clocks {
				c.pass(d)
			}
		}
		a, b, c := member("a"), member("b"), member("c")
		create(t, a, group.Spec{Name: "shop"})
		claim(t, a, "a", 16)
		claim(t, b, "b", 0) // nothing is free yet
		claim(t, a, "a", 8)
		claim(t, b, "b", 8)
		claim(t, c, "c", 0)
		claim(t, a, "a", 6)
		claim(t, b, "b", 5)
		claim(t, c, "c", 5)
		for range 9 { // a is killed, the others go on
			pass(group.DefaultLease / 10)
			claim(t, b, "b", 5)
			claim(t, c, "c", 5)
		}
		pass(group.DefaultLease / 5)
		claim(t, b, "b", 8)
		last := claim(t, c, "c", 8)
		if !last.Alive() {
			t.Error("a share that was just renewed is not alive")
		}
		pass(group.DefaultLease)
		if last.Alive() {
			t.Error("a share is alive after its lease")
		}
		if err := b.Leave(t.Context(), "shop", "b"); err != nil {
			t.Fatal(err)
		}
		claim(t, c, "c", 16)
	})
}

// TestNothingIsGivenAwayWithinABatch: a member that shows that it lives keeps what it has, until it asks for its share.
func TestNothingIsGivenAwayWithinABatch(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		g := group.New(store, log, nil)
		facts(t, log, 20, 10)
		create(t, g, group.Spec{Name: "shop", Lease: time.Minute})
		s := claim(t, g, "a", 16)
		batch, err := g.Fetch(t.Context(), log, s, 20)
		if err != nil {
			t.Fatal(err)
		}
		claim(t, g, "b", 0) // b has come, and waits
		for range 2 {
			if held, err := g.Hold(t.Context(), "shop", "a", batch); err != nil || len(held.Held) != 16 || !held.Alive() {
				t.Fatalf("a holds %d partitions: %v", len(held.Held), err)
			}
			claim(t, g, "b", 0)
		}
		if err := g.Ack(t.Context(), "shop", "a", batch); err != nil {
			t.Fatal(err)
		}
		claim(t, g, "a", 8)
		claim(t, g, "b", 8)
		if _, err := g.Hold(t.Context(), "shop", "a", batch); !errors.Is(err, group.ErrLost) {
			t.Errorf("a goes on with what is b's: %v", err)
		}
		if held, err := g.Hold(t.Context(), "shop", "a", group.Batch{}); err != nil || len(held.Held) != 8 {
			t.Errorf("a holds %d partitions: %v", len(held.Held), err)
		}
		if _, err := g.Hold(t.Context(), "nobody", "a", group.Batch{}); !errors.Is(err, group.ErrUnknown) {
			t.Errorf("of none: %v", err)
		}
	})
}

// TestAfterARestore: positions of another generation may be other events, so nobody is given any until the consumer is
// reset.
func TestAfterARestore(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		g := group.New(store, log, nil)
		facts(t, log, 5, 3)
		create(t, g, group.Spec{Name: "shop", Lease: time.Minute})
		claim(t, g, "a", 16)
		err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
			_, err := tx.Exec(t.Context(), "UPDATE log_head SET generation = generation + 1")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Claim(t.Context(), "shop", "a"); !errors.Is(err, group.ErrGeneration) {
			t.Errorf("claims: %v", err)
		}
		if _, err := g.Hold(t.Context(), "shop", "a", group.Batch{}); !errors.Is(err, group.ErrGeneration) {
			t.Errorf("holds: %v", err)
		}
		if err := g.Reset(t.Context(), "shop", 2); err != nil {
			t.Fatal(err)
		}
		batch, err := g.Fetch(t.Context(), log, claim(t, g, "a", 16), 10)
		if err != nil || len(batch.Events) != 3 {
			t.Errorf("after a reset: %d events, %v", len(batch.Events), err)
		}
	})
}

func TestAcknowledgeAndLose(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		g := group.New(store, log, nil)
		facts(t, log, 50, 10)
		create(t, g, group.Spec{Name: "shop", After: 10})
		s := claim(t, g, "a", 16)
		batch, err := g.Fetch(t.Context(), log, s, 15)
		if err != nil || len(batch.Events) != 15 || batch.Events[0].Position != 11 || batch.Through != 25 {
			t.Fatalf("%d events through %d: %v", len(batch.Events), batch.Through, err)
		}
		if err := g.Ack(t.Context(), "shop", "a", batch.Upto(20)); err != nil {
			t.Fatal(err)
		}
		info, err := g.Get(t.Context(), "shop")
		if err != nil || info.Position != 20 || info.Lag != 30 || info.Age <= 0 || len(info.Members) != 1 {
			t.Errorf("after an acknowledgement of part: %+v, %v", info, err)
		}
		parsed, err := group.ParseToken(batch.Token())
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Ack(t.Context(), "shop", "b", parsed); !errors.Is(err, group.ErrLost) {
			t.Errorf("another member acknowledges: %v", err)
		}
		if err := g.Reset(t.Context(), "shop", 5); err != nil {
			t.Fatal(err)
		}
		if err := g.Ack(t.Context(), "shop", "a", parsed); !errors.Is(err, group.ErrLost) {
			t.Errorf("acknowledged what was given out before a reset: %v", err)
		}
		if info, _ := g.Get(t.Context(), "shop"); info.Position != 5 {
			t.Errorf("after the reset at %d", info.Position)
		}
		batch, err = g.Fetch(t.Context(), log, claim(t, g, "a", 16), 100)
		if err != nil || len(batch.Events) != 45 || !batch.Ended {
			t.Fatalf("%d events: %v", len(batch.Events), err)
		}
		if err := g.Ack(t.Context(), "shop", "a", batch); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"unknown": g.Reset(t.Context(), "nobody", 1), "beyond": g.Reset(t.Context(), "shop", 51),
			"again": g.Create(t.Context(), group.Spec{Name: "shop"}), "name": g.Create(t.Context(), group.Spec{Name: "No!"}),
			"filter": g.Create(t.Context(), group.Spec{Name: "x", Filter: stream.Filter{Types: []string{"nothing"}}}),
			"lease":  g.Create(t.Context(), group.Spec{Name: "x", Lease: time.Hour}),
			"after":  g.Create(t.Context(), group.Spec{Name: "x", After: 51}),
		} {
			want := map[string]error{
				"unknown": group.ErrUnknown, "beyond": group.ErrBeyond, "again": group.ErrExists, "name": group.ErrBadSpec,
				"filter": group.ErrBadSpec, "lease": group.ErrBadSpec, "after": group.ErrBeyond,
			}[name]
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
		if err := g.Delete(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Claim(t.Context(), "shop", "a"); !errors.Is(err, group.ErrUnknown) {
			t.Errorf("claim of a deleted one: %v", err)
		}
	})
}

func TestParkAndRetry(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		g := group.New(store, log, nil)
		facts(t, log, 10, 3)
		create(t, g, group.Spec{Name: "shop"})
		if err := g.Park(t.Context(), "shop", 4, "no such column"); err != nil {
			t.Fatal(err)
		}
		fetch := func() (positions string, b group.Batch) {
			b, err := g.Fetch(t.Context(), log, claim(t, g, "a", 16), 100)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range b.Events {
				positions += fmt.Sprintf("%d%s ", e.Position, map[bool]string{true: "again"}[e.Again])
			}
			return positions, b
		}
		got, b := fetch()
		if got != "1 2 3 5 6 7 8 9 10 " {
			t.Errorf("with 4 parked: %s", got)
		}
		if err := g.Ack(t.Context(), "shop", "a", b); err != nil {
			t.Fatal(err)
		}
		if err := g.Park(t.Context(), "shop", 6, "nor this one"); err != nil {
			t.Fatal(err)
		}
		if n, err := g.Retry(t.Context(), "shop", 4); n != 1 || err != nil {
			t.Fatalf("retry: %d, %v", n, err)
		}
		aside, err := g.Aside(t.Context(), "shop", 3, 4)
		if err != nil || !maps.Equal(aside, map[int64]bool{4: true}) {
			t.Errorf("of 3 and 4 are put aside: %v, %v", aside, err)
		}
		if due, err := g.Again(t.Context(), "shop"); err != nil || !slices.Equal(due, []int64{4}) {
			t.Errorf("to be delivered once more: %v, %v", due, err)
		}
		if err := g.Drop(t.Context(), "shop", 6); err != nil {
			t.Fatal(err)
		}
		got, b = fetch()
		if got != "4again " {
			t.Errorf("after a retry: %s", got)
		}
		if err := g.Park(t.Context(), "shop", 4, "still no such column"); err != nil {
			t.Fatal(err)
		}
		if err := g.Ack(t.Context(), "shop", "a", b); err != nil { // parked meanwhile: it stays
			t.Fatal(err)
		}
		parked, err := g.Parked(t.Context(), "shop")
		if err != nil || len(parked) != 1 || parked[0].Attempts != 2 || parked[0].Again || parked[0].Reason != "still no such column" {
			t.Errorf("parked: %+v, %v", parked, err)
		}
		if _, err := g.Retry(t.Context(), "shop", 4); err != nil {
			t.Fatal(err)
		}
		if _, b = fetch(); g.Ack(t.Context(), "shop", "a", b) != nil {
			t.Fatal("not acknowledged")
		}
		if info, err := g.Get(t.Context(), "shop"); err != nil || info.Parked != 0 {
			t.Errorf("%d parked after it was handled: %v", info.Parked, err)
		}
		if _, err := g.Retry(t.Context(), "shop", 4); !errors.Is(err, group.ErrNotParked) {
			t.Errorf("retry of nothing: %v", err)
		}
		if err := g.Park(t.Context(), "shop", 11, ""); !errors.Is(err, group.ErrBeyond) {
			t.Errorf("park of what is not there: %v", err)
		}
	})
}

// journal is what all members together have handled.
type journal struct {
	mu      sync.Mutex
	t       *testing.T
	order   map[string][]int64 // stream: positions in the log
	through map[string]int     // stream: how many of those, from the first, are handled
	handled map[int64]int
	twice   int
}

// handle notes an event; every earlier one of its record must have been handled.
func (j *journal) handle(e eventstore.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if p := j.next(e.Stream); p < e.Position {
		j.t.Errorf("%d of %s is handled before %d", e.Position, e.Stream, p)
	}
	if j.handled[e.Position]++; j.handled[e.Position] > 1 {
		j.twice++
	}
}

// next is the first position of a stream that was not handled.
func (j *journal) next(stream string) int64 {
	all, n := j.order[stream], j.through[stream]
	for n < len(all) && j.handled[all[n]] > 0 {
		n++
	}
	if j.through[stream] = n; n < len(all) {
		return all[n]
	}
	return math.MaxInt64
}

// run is a member as a process of its own would be, until ctx ends: then it stops dead, wherever it stands.
func (j *journal) run(ctx context.Context, store eventstore.Store, log eventstore.Log, name string) {
	g := group.New(store, log, nil)
	for ctx.Err() == nil {
		s, err := g.Claim(ctx, "shop", name)
		if err != nil {
			continue
		}
		b, err := g.Fetch(ctx, log, s, 200)
		if err != nil {
			continue
		}
		if len(b.Events) == 0 {
			wait, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
			_ = log.Wait(wait, b.Through)
			<-wait.Done()
			cancel()
		}
		for _, e := range b.Events {
			if ctx.Err() != nil || !s.Alive() {
				break
			}
			j.handle(e.Event)
		}
		if ctx.Err() == nil && s.Alive() {
			_ = g.Ack(ctx, "shop", name, b)
		}
	}
}

// TestMembersAreKilled: four members, one killed every second, events all the while. Every event is handled at least
// once, those of a record in order, and no checkpoint is ahead of what was handled.
func TestMembersAreKilled(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := openLog(t, store)
		g := group.New(store, log, nil)
		create(t, g, group.Spec{Name: "shop", Lease: group.MinLease})
		j := &journal{t: t, order: map[string][]int64{}, through: map[string]int{}, handled: map[int64]int{}}
		var members sync.WaitGroup
		kills := make([]context.CancelFunc, 4)
		begin := func(i, n int) {
			ctx, cancel := context.WithCancel(context.Background())
			kills[i] = cancel
			members.Go(func() { j.run(ctx, store, log, fmt.Sprintf("m%d-%d", i, n)) })
		}
		for i := range kills {
			begin(i, 0)
		}
		kill, tick, end := time.NewTicker(time.Second), time.NewTicker(20*time.Millisecond), time.After(*long)
		defer kill.Stop()
		defer tick.Stop()
		appended, began := int64(0), time.Now()
		for n, on := 1, true; on; {
			select {
			case <-end:
				on = false
			case <-kill.C:
				i := rand.IntN(len(kills))
				kills[i]()
				begin(i, n)
				n++
				j.behind(t, g)
			case <-tick.C:
				before, due := appended, min(int(time.Since(began).Seconds()*perSecond)-int(appended), perSecond/2)
				if due <= 0 {
					continue
				}
				facts(t, log, due, 200)
				appended += int64(due)
				events, err := log.Read(t.Context(), before, due)
				if err != nil {
					t.Fatal(err)
				}
				j.mu.Lock()
				for _, e := range events {
					j.order[e.Stream] = append(j.order[e.Stream], e.Position)
				}
				j.mu.Unlock()
			}
		}
		rate := float64(appended) / time.Since(began).Seconds()
		for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); {
			if info, err := g.Get(t.Context(), "shop"); err == nil && info.Lag == 0 {
				break
			}
			_ = log.Wait(t.Context(), appended)
		}
		for _, kill := range kills {
			kill()
		}
		members.Wait()
		for p := int64(1); p <= appended; p++ {
			if j.handled[p] == 0 {
				t.Fatalf("event %d of %d was never handled", p, appended)
			}
		}
		t.Logf("%d events, %.0f a second, %d handled again", appended, rate, j.twice)
	})
}

// behind checks that every event up to each partition's checkpoint was handled.
func (j *journal) behind(t *testing.T, g *group.Groups) {
	t.Helper()
	info, err := g.Get(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for stream := range j.order {
		if at, p := info.Partitions[group.PartitionOf(stream)].Position, j.next(stream); p <= at {
			t.Errorf("the checkpoint of %s is at %d, and %d was not handled", stream, at, p)
		}
	}
}

func TestTokenRefusesAnythingElse(t *testing.T) {
	for _, text := range []string{"", "x", "e30", strings.Repeat("A", 100), "bnVsbA"} {
		b, err := group.ParseToken(text)
		if err == nil && b.Through != 0 {
			t.Errorf("%q is read as %+v", text, b)
		}
		if err != nil && !errors.Is(err, group.ErrToken) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
