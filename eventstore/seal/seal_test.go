package seal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/eventstore/seal"
	"github.com/duolog/duolog/eventstore/treehead"
)

func logOf(t *testing.T, store eventstore.Store) eventstore.Log {
	t.Helper()
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func fill(t *testing.T, log eventstore.Log, n int) {
	t.Helper()
	events := make([]eventstore.NewEvent, n)
	for i := range events {
		stream := fmt.Sprintf("hubspot/contact/%d", i%7)
		events[i] = eventstore.NewEvent{
			ID: ulid.Make(), Stream: stream, Type: "record.updated", Schema: 1, Subject: stream, Data: []byte(`{"n":1}`),
		}
	}
	if _, err := log.Append(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

func sealer(t *testing.T, c seal.Config) *seal.Sealer {
	t.Helper()
	s, err := seal.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sealed(t *testing.T, s *seal.Sealer) seal.Signed {
	t.Helper()
	head, err := s.Seal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

// root is the root of the tree over the log, worked out from RFC 6962's definition.
func root(leaves []tlog.Hash) tlog.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	half := 1
	for half*2 < len(leaves) {
		half *= 2
	}
	return tlog.NodeHash(root(leaves[:half]), root(leaves[half:]))
}

func leaves(t *testing.T, log eventstore.Log, n int64) []tlog.Hash {
	t.Helper()
	events, err := log.Read(t.Context(), 0, int(n))
	if err != nil {
		t.Fatal(err)
	}
	all := make([]tlog.Hash, len(events))
	for i, e := range events {
		all[i] = treehead.Leaf(e.Position, e.RecordedAt, e.Hash)
	}
	return all
}

func check(t *testing.T, store eventstore.Store, log eventstore.Log, s *seal.Sealer, head seal.Signed) {
	t.Helper()
	verifier, err := treehead.Verifier(s.Public())
	if err != nil {
		t.Fatal(err)
	}
	opened, err := treehead.Open(head.Note, verifier)
	if err != nil || opened != head.Head {
		t.Fatalf("opened %+v, %v; want %+v", opened, err, head.Head)
	}
	all := leaves(t, log, head.Size)
	if want := root(all); head.Root != want {
		t.Fatalf("root of %d is %s, want %s", head.Size, head.Root, want)
	}
	tree := seal.NewTree(store, log.Connection())
	for _, position := range []int64{1, head.Size/2 + 1, head.Size} {
		proof, err := tree.Prove(t.Context(), head.Size, position)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(proof, head.Size, head.Root, position-1, all[position-1]); err != nil {
			t.Errorf("event %d: %v", position, err)
		}
	}
}

func TestSealAtEverySize(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := logOf(t, store)
		s := sealer(t, seal.Config{DB: store, Log: log})
		if head := sealed(t, s); head.Size != 0 || head.Note != "" {
			t.Fatalf("an empty log has the head %+v", head)
		}
		var size int64
		for _, n := range []int{1, 1, 1, 2, 3, 25, 1000, 1200} {
			fill(t, log, n)
			size += int64(n)
			head := sealed(t, s)
			if head.Size != size {
				t.Fatalf("the head speaks for %d of %d events", head.Size, size)
			}
			check(t, store, log, s, head)
		}
		last := sealed(t, s)
		if again := sealed(t, sealer(t, seal.Config{DB: store, Log: log})); again != last {
			t.Errorf("nothing is new, and yet the head is %+v, not %+v", again, last)
		}
		if all, err := seal.List(t.Context(), store, "default", 100); err != nil || len(all) != 8 || all[0] != last {
			t.Errorf("%d heads, %v", len(all), err)
		}
	})
}

// failing is a database in which one kind of statement fails.
type failing struct {
	eventstore.DB
	statement string
}

var errKilled = errors.New("killed")

func (f failing) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if strings.HasPrefix(query, f.statement) {
		return 0, errKilled
	}
	return f.DB.Exec(ctx, query, args...)
}

func TestSealGoesOnWhereAnotherEnded(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := logOf(t, store)
		fill(t, log, 1500)
		dying := sealer(t, seal.Config{DB: failing{store, "INSERT INTO tree_head"}, Log: log})
		if _, err := dying.Seal(t.Context()); !errors.Is(err, errKilled) {
			t.Fatalf("ended with %v", err)
		}
		next := sealer(t, seal.Config{DB: failing{store, "INSERT INTO tree_hash"}, Log: log})
		head, err := next.Seal(t.Context()) // every hash is there: only the head was missing
		if err != nil || head.Size != 1500 {
			t.Fatalf("%+v, %v", head, err)
		}
		check(t, store, log, next, head)
	})
}

func TestManySealersMakeOneTree(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := logOf(t, store)
		behind := sealer(t, seal.Config{DB: store, Log: log})
		fill(t, log, 10)
		sealed(t, behind)
		fill(t, log, 2990)
		var wg sync.WaitGroup
		for range 4 {
			s := sealer(t, seal.Config{DB: store, Log: log})
			wg.Go(func() {
				if head, err := s.Seal(context.WithoutCancel(t.Context())); err != nil || head.Size != 3000 {
					t.Errorf("%+v, %v", head, err)
				}
			})
		}
		wg.Wait()
		check(t, store, log, behind, sealed(t, behind)) // it must notice that others went on
		fill(t, log, 5)
		check(t, store, log, behind, sealed(t, behind))
	})
}

func TestTheDatabaseRefusesToChangeWhatIsSealed(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := logOf(t, store)
		fill(t, log, 3)
		sealed(t, sealer(t, seal.Config{DB: store, Log: log}))
		for _, statement := range []string{
			"UPDATE tree_hash SET size = 9", "DELETE FROM tree_hash", "UPDATE tree_head SET note = ''",
			"DELETE FROM tree_head",
		} {
			if _, err := store.Exec(t.Context(), statement); err == nil {
				t.Errorf("it lets %s pass", statement)
			}
		}
		if store.Backend() == "sqlite" {
			if _, err := store.Exec(t.Context(), "INSERT OR REPLACE INTO tree_head SELECT connection, size, generation, '' "+
				"FROM tree_head"); err == nil {
				t.Error("it lets a head be replaced")
			}
		}
	})
}

func TestTheLogNamesTheKeyBeforeItIsUsed(t *testing.T) {
	store := backends.SQLite(t)
	log := logOf(t, store)
	said := 0
	s := sealer(t, seal.Config{DB: store, Log: log, Announce: func(_ context.Context, public string) error {
		said++
		if !strings.HasPrefix(public, "duolog-default+") {
			t.Errorf("announced %q", public)
		}
		fill(t, log, 1)
		return nil
	}})
	for range 3 {
		if head := sealed(t, s); head.Size != 1 {
			t.Errorf("the head does not speak for what was announced: %+v", head)
		}
	}
	if said != 1 {
		t.Errorf("announced %d times", said)
	}
}

// memory is a log and database that count what is asked of them, for the time a sealer keeps.
type memory struct {
	eventstore.Log
	eventstore.DB
	asked int
}

func (m *memory) Connection() string { return "default" }

func (m *memory) Vault() eventstore.Vault { return vault{} }

func (m *memory) Head(context.Context) (eventstore.Head, error) {
	m.asked++
	return eventstore.Head{}, errKilled
}

type vault struct{ eventstore.Vault }

func (vault) Secret(string) []byte { return make([]byte, 32) }

func TestRunKeepsOnWhateverFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute+time.Second)
		defer cancel()
		if err := sealer(t, seal.Config{DB: m, Log: m}).Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		if m.asked != 11 { // at once, and each minute
			t.Errorf("sealed %d times", m.asked)
		}
	})
}
