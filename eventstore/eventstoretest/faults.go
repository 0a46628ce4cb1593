package eventstoretest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/engine"
)

var faultTests = map[string]func(*testing.T, *fixture){}

func init() {
	for _, s := range faultScenes {
		faultTests[s.name] = func(t *testing.T, f *fixture) { testFaults(t, f, s) }
	}
}

// faultScene is a way to write, of whose steps each fails once.
type faultScene struct {
	name string
	// before is what was appended earlier; other has it appended by a process of which this one knows nothing.
	before, other int
	// moved: the key epoch has moved since.
	moved bool
	// write appends the events, and with row their row, once; it may be repeated.
	write func(ctx context.Context, store eventstore.Store, log eventstore.Log, all []eventstore.NewEvent) error
	row   bool
	// size is the number of events, 0: three.
	size int
	// erases: with the events goes the key of who was appended before; revives: it went before, and a new one comes.
	erases, revives bool
}

var faultScenes = []faultScene{
	{name: "Opening", write: appendOnce},
	{name: "NewSubject", before: 1, write: appendOnce},
	{name: "KnownSubject", before: 3, write: appendOnce},
	{name: "PartlyThere", before: 1, other: 2, write: appendOnce},
	{name: "Expectation", before: 1, write: appendExpecting},
	{name: "EpochMoved", before: 1, moved: true, write: appendOnce},
	{name: "Group", before: 1, write: appendTogether},
	{name: "Transaction", before: 1, write: appendWithRow, row: true},
	{name: "TransactionPartlyThere", before: 1, other: 2, write: appendWithRow, row: true},
	{name: "SealedFirst", before: 1, write: sealAndAppend},
	{name: "Large", before: 1, other: 2, write: appendWithRow, row: true, size: manyRows + 2},
	{name: "Erase", before: 1, write: eraseFirst, erases: true},
	{name: "Revive", before: 1, write: reviveFirst, revives: true},
}

// manyRows is how many events a backend may store in another way than a few.
const manyRows = 1000

// first is who was appended before.
const first = "hubspot/contact/0"

func eraseFirst(ctx context.Context, store eventstore.Store, log eventstore.Log, all []eventstore.NewEvent) error {
	return store.InTx(ctx, func(tx eventstore.Tx) error {
		_, err := tx.Erase(ctx, log, []string{first, "hubspot/contact/9"}, all...)
		return err
	})
}

func reviveFirst(ctx context.Context, store eventstore.Store, log eventstore.Log, all []eventstore.NewEvent) error {
	return store.InTx(ctx, func(tx eventstore.Tx) error {
		_, err := tx.Revive(ctx, log, []string{first}, all...)
		return err
	})
}

func appendOnce(ctx context.Context, _ eventstore.Store, log eventstore.Log, all []eventstore.NewEvent) error {
	_, err := log.Append(ctx, all...)
	return err
}

func appendExpecting(ctx context.Context, _ eventstore.Store, log eventstore.Log, all []eventstore.NewEvent) error {
	all = slices.Clone(all)
	all[1].ExpectLast = new(int64(0))
	_, err := log.Append(ctx, all...)
	return err
}

func appendTogether(ctx context.Context, _ eventstore.Store, log eventstore.Log, all []eventstore.NewEvent) error {
	failures := make([]error, len(all))
	var work sync.WaitGroup
	for i, e := range all {
		work.Go(func() { _, failures[i] = log.Append(ctx, e) })
	}
	work.Wait()
	return errors.Join(failures...)
}

func appendWithRow(ctx context.Context, store eventstore.Store, log eventstore.Log, all []eventstore.NewEvent) error {
	return store.InTx(ctx, func(tx eventstore.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO caller (k, v) VALUES ($1, $2) ON CONFLICT DO NOTHING",
			int64(all[0].ID.Time()), log.Connection())
		if err != nil {
			return err
		}
		_, err = tx.Append(ctx, log, all...)
		return err
	})
}

func sealAndAppend(ctx context.Context, _ eventstore.Store, log eventstore.Log, all []eventstore.NewEvent) error {
	for _, e := range all {
		sealed, err := log.Vault().Seal(ctx, e.Subject, "row", e.Data)
		if err != nil {
			return err
		}
		if plain, err := log.Vault().Open(ctx, e.Subject, "row", sealed); err != nil || string(plain) != string(e.Data) {
			return fmt.Errorf("sealed as %s: %w", plain, err)
		}
	}
	return appendOnce(ctx, nil, log, all)
}

// faultKinds is what can befall a step. A transaction the database asks to repeat has left nothing.
var faultKinds = []fault{
	{class: engine.Unavailable},
	{class: engine.Unavailable, persisted: true},
	{class: engine.Other},
	{class: engine.Retry},
}

// testFaults lets each step of a scene fail in each way. Whatever the answer was: what was acknowledged is there, and
// after a repetition, in this process or another, everything is there once, whole, and the log goes on.
func testFaults(t *testing.T, f *fixture, s faultScene) {
	d := &faulty{}
	store := f.openWith(t, Options{Wrap: func(inner engine.Driver) engine.Driver {
		d.Driver = inner
		return d
	}})
	if s.size > 0 && store.Backend() != backendPostgres {
		return // there many go the same way as a few
	}
	f.rawExec(t, "CREATE TABLE caller (k BIGINT NOT NULL, v TEXT NOT NULL, PRIMARY KEY (k, v))")
	reloaded, rival := f.open(t), f.open(t)
	steps := 0
	kinds := faultKinds
	if s.size > 0 {
		kinds = kinds[:2] // for the time it takes
	}
	for _, kind := range kinds {
		for kind.step = 1; ; kind.step++ {
			c := &faultCase{
				fixture: f, faultScene: s, fault: kind, driver: d, store: store, reloaded: reloaded, rival: rival,
				name: fmt.Sprintf("step%d-%d-%t", kind.step, kind.class, kind.persisted),
			}
			if !c.run(t) || t.Failed() {
				break
			}
			steps = max(steps, kind.step)
		}
	}
	if steps < 1 {
		t.Error("nothing was made to fail")
	}
	t.Logf("%d steps", steps)
}

// faultCase is one step that fails in one way, on a log of its own.
type faultCase struct {
	*fixture
	faultScene
	fault  fault
	driver *faulty
	name   string
	store  eventstore.Store // which the fault befalls
	// reloaded opens the log after the fault, rival before.
	reloaded, rival eventstore.Store
}

// run reports whether the step was reached.
func (c *faultCase) run(t *testing.T) (fired bool) {
	t.Helper()
	all := make([]eventstore.NewEvent, cmp.Or(c.size, 3))
	for i := range all {
		all[i] = event(fmt.Sprintf("hubspot/contact/%d", i%2+1))
	}
	ctx := soon(t)
	var log eventstore.Log
	if c.before > 0 {
		log = logOf(t, c.store, c.name)
		for i := range c.before {
			mustAppend(t, log, event(fmt.Sprintf("hubspot/contact/%d", i)))
		}
	}
	if c.other > 0 {
		mustAppend(t, logOf(t, c.rival, c.name), all[:c.other]...)
	}
	if c.revives {
		if err := eraseFirst(ctx, c.store, log, events("privacy", 1)); err != nil {
			t.Fatal(err)
		}
	}
	if c.moved {
		c.rawExec(t, "UPDATE log_head SET key_epoch = key_epoch + 1 WHERE connection = '"+c.name+"'")
	}
	write := func() (err error) {
		if log == nil {
			if log, err = c.store.Log(ctx, c.name); err != nil {
				log = nil
				return err
			}
		}
		return c.write(ctx, c.store, log, all)
	}
	c.driver.arm(c.fault)
	err := write()
	if fired = c.driver.disarm(); fired || err != nil {
		c.check(t, all, err == nil)
	}
	if err := write(); err != nil {
		t.Errorf("%s: repeated: %v", c.name, err)
	}
	c.checkAll(t, all)
	return fired
}

// check looks at the log with other eyes right after the fault.
func (c *faultCase) check(t *testing.T, all []eventstore.NewEvent, acknowledged bool) {
	t.Helper()
	log := logOf(t, c.reloaded, c.name)
	stored := c.wantClean(t, log, all)
	there := 0
	for _, e := range all {
		there += stored[e.ID.String()]
	}
	if acknowledged && there != len(all) {
		t.Errorf("%s: %d of %d acknowledged events are there", c.name, there, len(all))
	}
	// Whole calls only: the group is many, and what was expected goes one by one.
	if c.row && (there > c.other) != (c.rows(t) > 0) {
		t.Errorf("%s: %d events and %d rows are there", c.name, there, c.rows(t))
	}
}

// checkAll repeats the write in another process and wants everything once.
func (c *faultCase) checkAll(t *testing.T, all []eventstore.NewEvent) {
	t.Helper()
	log := logOf(t, c.reloaded, c.name)
	if err := c.write(t.Context(), c.reloaded, log, all); err != nil {
		t.Errorf("%s: in another process: %v", c.name, err)
	}
	mustAppend(t, logOf(t, c.store, c.name), event("hubspot/contact/1"))
	mustAppend(t, log, event("hubspot/contact/2"))
	want := c.before + len(all) + 2
	switch _, err := log.Append(t.Context(), event(first)); {
	case c.erases:
		wantError(t, c.name+": append for who was erased", err, eventstore.ErrErased)
	case err != nil:
		t.Errorf("%s: append for %s: %v", c.name, first, err)
	case c.revives:
		want += 2 // the erasure before
	default:
		want++
	}
	stored := c.wantClean(t, log, all)
	for i, e := range all {
		if n := stored[e.ID.String()]; n != 1 {
			t.Errorf("%s: event %d is there %d times", c.name, i, n)
		}
	}
	if len(stored) != want {
		t.Errorf("%s: %d events are there, want %d", c.name, len(stored), want)
	}
	report, err := eventstore.Verify(t.Context(), c.reloaded, c.name, nil)
	if err != nil || !report.OK() {
		t.Errorf("%s: verify: %+v, error %v", c.name, report, err)
	}
	if c.row && c.rows(t) != 1 {
		t.Errorf("%s: %d rows are there, want 1", c.name, c.rows(t))
	}
}

func (c *faultCase) rows(t *testing.T) int64 {
	t.Helper()
	return c.rawInt(t, "SELECT COUNT(*) FROM caller WHERE v = '"+c.name+"'")
}

// wantClean reads the whole log and counts its events by id. Who was erased cannot be read, and has a key as the events
// that are there say.
func (c *faultCase) wantClean(t *testing.T, log eventstore.Log, all []eventstore.NewEvent) map[string]int {
	t.Helper()
	head := mustHead(t, log)
	stored := map[string]int{}
	read := wantDense(t, log, head.Position)
	for _, e := range read {
		stored[e.ID.String()]++
	}
	told := stored[all[0].ID.String()] > 0
	for _, e := range read {
		gone := e.Position <= int64(c.before) && (c.revives || c.erases && told)
		if e.Erased != gone || !gone && dataID(t, e) != e.ID.String() {
			t.Errorf("%s: position %d is erased: %t, want %t", c.name, e.Position, e.Erased, gone)
		}
	}
	if c.erases || c.revives {
		keys := c.rawInt(t, "SELECT COUNT(wrapped) FROM subject_key WHERE connection = '"+c.name+"' AND subject = '"+first+"'")
		if alive := c.revives == told; alive != (keys == 1) {
			t.Errorf("%s: %d keys of who was erased, the events are there: %t", c.name, keys, told)
		}
	}
	return stored
}
