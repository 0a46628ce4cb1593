package outbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

const connection = "acme"

// box is an outbox with a clock of its own.
type box struct {
	*testing.T
	store eventstore.Store
	vault eventstore.Vault
	now   time.Time
	made  uint64
}

func each(t *testing.T, fn func(b *box)) {
	t.Helper()
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), connection)
		if err != nil {
			t.Fatalf("open the log: %v", err)
		}
		fn(&box{T: t, store: store, vault: log.Vault(), now: time.UnixMicro(1_800_000_000_000_000)})
	})
}

func (b *box) id() ulid.ULID {
	b.made++
	return ulid.MustNew(b.made, bytes.NewReader(make([]byte, 10)))
}

// row is an update of a record, later than all rows before.
func (b *box) row(record string) outbox.Row {
	id := b.id()
	return outbox.Row{
		Command: id, Contact: id, Kind: domain.KindUpdate, System: domain.HubSpot,
		Record:  domain.Record{System: domain.HubSpot, ID: record},
		Source:  domain.Record{System: domain.Aloware, ID: "7"},
		Input:   int64(b.made),
		Payload: outbox.Payload{Values: map[string]json.RawMessage{"firstname": []byte(`"Zerlinda"`)}},
	}
}

func (b *box) tx(fn func(eventstore.Tx) error) {
	b.Helper()
	if err := b.store.InTx(b.Context(), fn); err != nil {
		b.Fatal(err)
	}
}

func insert(b *box, tx eventstore.Tx, rows ...outbox.Row) error {
	_, err := outbox.Insert(b.Context(), tx, b.vault, connection, rows, b.now)
	return err
}

func (b *box) put(rows ...outbox.Row) {
	b.Helper()
	b.tx(func(tx eventstore.Tx) error { return insert(b, tx, rows...) })
}

// claim takes a batch, changed as options say.
func (b *box) claim(options ...func(*outbox.Claim)) outbox.Batch {
	b.Helper()
	c := outbox.Claim{
		Connection: connection, System: domain.HubSpot, Epoch: 1, Limit: 3, Tries: 4,
		Now: b.now, Deadline: b.now.Add(10 * time.Second), Attempt: b.id,
		Busy:  func(string) bool { return false },
		Fence: func(context.Context, eventstore.Tx) error { return nil },
	}
	for _, o := range options {
		o(&c)
	}
	batch, _, err := c.Take(b.Context(), b.store)
	if err != nil {
		b.Fatalf("claim: %v", err)
	}
	return batch
}

func (b *box) deferAll(batch outbox.Batch, pause time.Duration, class string) {
	b.Helper()
	var all []outbox.Deferral
	for _, e := range batch.Entries() {
		all = append(all, outbox.Deferral{Command: e.Command, NextAt: b.now.Add(pause), Error: class + ": test"})
	}
	b.tx(func(tx eventstore.Tx) error { return outbox.Defer(b.Context(), tx, connection, batch.Attempt, all) })
}

// same compares a batch's lanes with the commands wanted.
func (b *box) same(batch outbox.Batch, want ...[]outbox.Row) {
	b.Helper()
	var got, wanted []string
	for _, lane := range batch.Lanes {
		for _, e := range lane {
			got = append(got, e.Command.String())
		}
		got = append(got, "|")
	}
	for _, lane := range want {
		for _, r := range lane {
			wanted = append(wanted, r.Command.String())
		}
		wanted = append(wanted, "|")
	}
	if !slices.Equal(got, wanted) {
		b.Errorf("claimed\n  %v, want\n  %v", got, wanted)
	}
}

func lane(rows ...outbox.Row) []outbox.Row { return rows }

func TestLanesLeaveWholeInOrder(t *testing.T) {
	each(t, func(b *box) {
		a1, c1, a2, d1, e1 := b.row("a"), b.row("c"), b.row("a"), b.row("d"), b.row("e")
		b.put(e1, d1, a2, c1, a1)
		b.same(b.claim(), lane(a1, a2), lane(c1), lane(d1))
		a3 := b.row("a")
		b.put(a3) // its lane has an unresolved attempt
		b.same(b.claim(), lane(e1))
		b.same(b.claim())
		b.now = b.now.Add(11 * time.Second)
		b.same(b.claim(func(c *outbox.Claim) { c.Limit = 1 }), lane(a1, a2, a3))
	})
}

func TestExpiredAttemptIsDueAgain(t *testing.T) {
	each(t, func(b *box) {
		a := b.row("a")
		b.put(a)
		b.claim()
		b.now = b.now.Add(10 * time.Second)
		if again := b.claim(func(c *outbox.Claim) { c.Busy = func(string) bool { return true } }); len(again.Lanes) > 0 {
			b.Error("claimed a lane this process has in hand")
		}
		again := b.claim()
		b.same(again, lane(a))
		if n := again.Lanes[0][0].Attempts; n != 2 {
			b.Errorf("attempt %d, want 2", n)
		}
	})
}

// While an attempt on a record is unresolved nothing else is written to it, also nothing decided since: what was sent
// may still arrive, and would end on top.
func TestUnresolvedAttemptKeepsItsLane(t *testing.T) {
	each(t, func(b *box) {
		sent, later, other := b.row("a"), b.row("a"), b.row("b")
		b.put(sent)
		b.same(b.claim(), lane(sent))
		b.put(later, other)
		b.now = b.now.Add(10*time.Second - time.Millisecond)
		b.same(b.claim(), lane(other))
		b.now = b.now.Add(time.Millisecond)
		b.same(b.claim(), lane(sent, later))
	})
}

// Rows behind a head that waits fill whole pages; the lanes behind them are found all the same.
func TestBlockedLanesHideNobody(t *testing.T) {
	each(t, func(b *box) {
		b.put(b.row("stuck"))
		b.deferAll(b.claim(), time.Hour, outbox.ClassRetry)
		var rows []outbox.Row
		for range 120 {
			rows = append(rows, b.row("stuck"))
		}
		free := b.row("free")
		b.put(append(rows, free)...)
		b.same(b.claim(), lane(free))
	})
}

func TestReadsAndWritesDoNotMix(t *testing.T) {
	each(t, func(b *box) {
		write, read, after, other := b.row("a"), b.row("a"), b.row("a"), b.row("b")
		read.Kind, other.Kind = domain.KindRead, domain.KindRead
		b.put(write, read, after, other)
		first := b.claim()
		b.same(first, lane(write))
		b.tx(func(tx eventstore.Tx) error {
			_, err := outbox.Settle(b.Context(), tx, connection, first.Attempt, []ulid.ULID{write.Command})
			return err
		})
		second := b.claim()
		b.same(second, lane(read), lane(other))
		if !second.Reads {
			b.Error("a batch of reads does not say so")
		}
	})
}

func TestUrgentOvertakes(t *testing.T) {
	each(t, func(b *box) {
		a, c, stop := b.row("a"), b.row("c"), b.row("z")
		stop.Urgent = true
		b.put(a, c, stop)
		b.same(b.claim(func(c *outbox.Claim) { c.UrgentOnly = true }), lane(stop))
		b.same(b.claim(func(c *outbox.Claim) { c.Limit = 1 }), lane(a))
		late := b.row("c")
		late.Urgent = true
		b.put(late)
		b.same(b.claim(func(c *outbox.Claim) { c.Limit = 1 }), lane(c, late))
		early := b.row("a") // but nothing overtakes an attempt that is not resolved
		early.Urgent = true
		b.put(early)
		b.same(b.claim())
	})
}

// What is urgent leaves without the rest, and stands before it also after a try that failed or was never answered.
func TestUrgentLeavesAloneAndFirst(t *testing.T) {
	each(t, func(b *box) {
		a, stop := b.row("a"), b.row("z")
		stop.Urgent = true
		b.put(a, stop)
		tried := b.claim()
		b.same(tried, lane(stop))
		b.deferAll(tried, time.Minute, outbox.ClassRetry)
		first := func(c *outbox.Claim) { c.UrgentOnly, c.First = true, true }
		b.same(b.claim(first))
		b.same(b.claim(), lane(a))
		b.put(b.row("c"))
		b.now = b.now.Add(time.Minute)
		b.same(b.claim(first), lane(stop))
		b.now = b.now.Add(10 * time.Second) // and nobody knows what became of it
		b.same(b.claim(), lane(stop))
	})
}

// TestUrgentGoesWithoutTheRest: what waits for no limit takes nothing along that has to.
func TestUrgentGoesWithoutTheRest(t *testing.T) {
	each(t, func(b *box) {
		a, c, stop, halt := b.row("a"), b.row("c"), b.row("y"), b.row("z")
		stop.Urgent, halt.Urgent = true, true
		b.put(a, stop, c, halt)
		b.same(b.claim(), lane(stop), lane(halt))
		b.same(b.claim(), lane(a), lane(c))
	})
}

// TestPickingEnds: with a batch begun, a long queue of what does not go with it is not read to its end.
func TestPickingEnds(t *testing.T) {
	each(t, func(b *box) {
		stop, looked := b.row("stop"), 0
		stop.Urgent = true
		rows := []outbox.Row{stop}
		for i := range 200 {
			rows = append(rows, b.row(fmt.Sprint(i)))
		}
		b.put(rows...)
		b.same(b.claim(func(c *outbox.Claim) { c.Busy = func(string) bool { looked++; return false } }), lane(stop))
		if looked > 100 {
			b.Errorf("looked at %d lanes for a batch of one", looked)
		}
	})
}

func TestPanicGoesAlone(t *testing.T) {
	each(t, func(b *box) {
		a, c, d := b.row("a"), b.row("c"), b.row("d")
		b.put(a, c, d)
		b.deferAll(b.claim(), 0, outbox.ClassPanic)
		b.same(b.claim(), lane(a))
		b.same(b.claim(), lane(c))
	})
}

// A row that never got an answer, in as many tries as there are, kills whoever sends it.
func TestUnansweredRowIsBuried(t *testing.T) {
	each(t, func(b *box) {
		killer, next := b.row("a"), b.row("a")
		b.put(killer)
		for range 4 {
			b.same(b.claim(), lane(killer))
			b.now = b.now.Add(10 * time.Second)
		}
		b.put(next)
		b.same(b.claim(), lane(next))
		rows, err := outbox.Get(b.Context(), b.store, connection, killer.Command)
		if err != nil || len(rows) != 1 || rows[0].State != outbox.Dead {
			b.Errorf("%+v, %v", rows, err)
		}
	})
}

func TestAdoptWaitsForTheOtherOwnersRequests(t *testing.T) {
	each(t, func(b *box) {
		a := b.row("a")
		b.put(a)
		b.claim()
		b.now = b.now.Add(time.Hour) // the new owner's clock, or a long night
		b.tx(func(tx eventstore.Tx) error {
			n, err := outbox.Adopt(b.Context(), tx, connection, 2, b.now.Add(10*time.Second))
			if n != 1 {
				b.Errorf("adopted %d, want 1", n)
			}
			return err
		})
		b.same(b.claim())
		b.now = b.now.Add(10 * time.Second)
		b.same(b.claim(), lane(a))
	})
}

func TestSettleRemovesOnlyItsAttempt(t *testing.T) {
	each(t, func(b *box) {
		a := b.row("a")
		b.put(a)
		old := b.claim()
		b.now = b.now.Add(10 * time.Second)
		b.claim()
		b.tx(func(tx eventstore.Tx) error {
			gone, err := outbox.Settle(b.Context(), tx, connection, old.Attempt, []ulid.ULID{a.Command})
			if len(gone) > 0 {
				b.Error("an attempt settled what a later one has in hand")
			}
			return err
		})
	})
}

func TestWithdraw(t *testing.T) {
	each(t, func(b *box) {
		sending, waiting, urgent, dead := b.row("a"), b.row("b"), b.row("c"), b.row("d")
		urgent.Urgent = true
		b.put(dead)
		batch := b.claim()
		b.tx(func(tx eventstore.Tx) error {
			return outbox.Defer(b.Context(), tx, connection, batch.Attempt, []outbox.Deferral{
				{Command: dead.Command, Bury: true, Error: "unauthorized: test"},
			})
		})
		b.put(sending)
		b.claim()
		b.put(waiting, urgent)
		counts, err := outbox.Counts(b.Context(), b.store, connection)
		if err != nil || fmt.Sprint(counts) != fmt.Sprint([]outbox.Count{
			{System: domain.HubSpot, State: outbox.Dead, Rows: 1, Failing: 1, Refused: 1, Oldest: b.now.UnixMicro()},
			{System: domain.HubSpot, State: outbox.Sending, Rows: 1, Oldest: b.now.UnixMicro()},
			{System: domain.HubSpot, State: outbox.Waiting, Rows: 2, Oldest: b.now.UnixMicro()},
		}) {
			b.Errorf("counts %+v, %v", counts, err)
		}
		b.withdrawn(func(tx eventstore.Tx) ([]outbox.Entry, error) {
			return outbox.WithdrawWaiting(b.Context(), tx, connection)
		}, waiting)
		b.withdrawn(func(tx eventstore.Tx) ([]outbox.Entry, error) {
			return outbox.Withdraw(b.Context(), tx, connection, sending.Command, urgent.Command, dead.Command)
		}, urgent, dead)
	})
}

// TestCreateInDoubtIsNotWithdrawn: a create that was tried may have been carried out, and does not count as never sent.
func TestCreateInDoubtIsNotWithdrawn(t *testing.T) {
	each(t, func(b *box) {
		tried, fresh, unsent := b.row("a"), b.row("b"), b.row("c")
		for _, r := range []*outbox.Row{&tried, &fresh, &unsent} {
			r.Kind, r.Record, r.Source = domain.KindCreate, domain.Record{}, domain.Record{System: domain.Aloware, ID: r.Record.ID}
		}
		// failed tries both, of which one may have arrived though it does not count, and one that counts cannot have.
		fail := func(batch outbox.Batch) {
			b.tx(func(tx eventstore.Tx) error {
				return outbox.Defer(b.Context(), tx, connection, batch.Attempt, []outbox.Deferral{
					{Command: tried.Command, NextAt: b.now, Error: "retry: test", Free: true},
					{Command: unsent.Command, NextAt: b.now, Error: "retry: test", Unsent: true},
				})
			})
		}
		b.put(tried, unsent)
		fail(b.claim())
		b.put(fresh)
		b.withdrawn(func(tx eventstore.Tx) ([]outbox.Entry, error) {
			return outbox.WithdrawWaiting(b.Context(), tx, connection)
		}, fresh, unsent)
		b.put(fresh)
		b.withdrawn(func(tx eventstore.Tx) ([]outbox.Entry, error) {
			return outbox.WithdrawWrites(b.Context(), tx, connection)
		}, fresh)
		b.put(fresh)
		b.same(b.claim(func(c *outbox.Claim) { c.Since = fresh.Input + 1 }), lane(tried)) // else nobody ever learns of it
	})
}

func (b *box) withdrawn(fn func(eventstore.Tx) ([]outbox.Entry, error), want ...outbox.Row) {
	b.Helper()
	b.tx(func(tx eventstore.Tx) error {
		got, err := fn(tx)
		for _, r := range want {
			same := func(e outbox.Entry) bool { return e.Command == r.Command && e.Source == r.Source }
			if !slices.ContainsFunc(got, same) {
				b.Errorf("%s was not withdrawn", r.Command)
			}
		}
		if len(got) != len(want) {
			b.Errorf("%d withdrawn, want %d", len(got), len(want))
		}
		return err
	})
}

func TestPayloadIsSealed(t *testing.T) {
	each(t, func(b *box) {
		a := b.row("a")
		b.put(a)
		rows, err := b.store.Query(b.Context(), "SELECT payload FROM outbox WHERE connection = $1", connection)
		sealed, err := eventstore.Scan(rows, err, func(r eventstore.Rows) ([]byte, error) {
			var p []byte
			return p, r.Scan(&p)
		})
		if err != nil || len(sealed) != 1 || bytes.Contains(sealed[0], []byte("Zerlinda")) {
			b.Fatalf("payload in clear, or %v", err)
		}
		entries := b.claim().Entries()
		if failed, err := outbox.Open(b.Context(), b.vault, entries); err != nil || len(failed) > 0 {
			b.Fatalf("open: %v %v", failed, err)
		}
		if got := string(entries[0].Payload.Values["firstname"]); got != `"Zerlinda"` {
			b.Errorf("opened %s", got)
		}
	})
}

func TestInsertRefusesWhatCannotBeSent(t *testing.T) {
	each(t, func(b *box) {
		for name, spoil := range map[string]func(*outbox.Row){
			"update without target": func(r *outbox.Row) { r.Record = domain.Record{} },
			"create with target":    func(r *outbox.Row) { r.Kind = domain.KindCreate },
			"foreign target":        func(r *outbox.Row) { r.System = domain.Aloware },
			"unknown kind":          func(r *outbox.Row) { r.Kind = "merge" },
			"unknown system":        func(r *outbox.Row) { r.System = "crm" },
		} {
			row := b.row("a")
			spoil(&row)
			err := b.store.InTx(b.Context(), func(tx eventstore.Tx) error {
				return insert(b, tx, row)
			})
			if err == nil {
				b.Errorf("%s was accepted", name)
			}
		}
	})
}

func TestClaimIsFenced(t *testing.T) {
	each(t, func(b *box) {
		b.put(b.row("a"))
		lost := errors.New("lost")
		c := outbox.Claim{
			Connection: connection, System: domain.HubSpot, Limit: 1, Tries: 1, Now: b.now, Attempt: b.id,
			Fence: func(context.Context, eventstore.Tx) error { return lost },
		}
		if _, _, err := c.Take(b.Context(), b.store); !errors.Is(err, lost) {
			b.Errorf("claim without the lease: %v", err)
		}
	})
}
