package projections_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
)

// held is how long every transaction of a slowDB takes.
const held = time.Second

// slowDB is a database whose transactions take time, which in a bubble nothing else does.
type slowDB struct {
	eventstore.DB
	ended time.Time
	gaps  []time.Duration // between one transaction and the next
}

func (s *slowDB) InTx(ctx context.Context, fn func(eventstore.Tx) error) error {
	if !s.ended.IsZero() {
		s.gaps = append(s.gaps, time.Since(s.ended))
	}
	err := s.DB.InTx(ctx, fn)
	<-time.After(held)
	s.ended = time.Now()
	return err
}

// While anyone appends, a rebuild leaves SQLite's only writer's place to them for as long as it was held. Alone it does
// not wait.
func TestARebuildOnSQLiteGivesWayToThoseWhoAppend(t *testing.T) {
	for _, busy := range []bool{true, false} {
		t.Run(fmt.Sprint("appending ", busy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := backends.SQLite(t)
				log := openLog(t, store)
				appendTo(t, log, slices.Repeat([]string{"hubspot/contact/1"}, 20)...)
				db := &slowDB{DB: store}
				r := projections.New(db, log, projections.Options{Page: 2, Memory: 1}, list{})
				catchUp(t, r)
				db.gaps = nil
				err := r.Rebuild(t.Context(), "list", func(done, _ int64) {
					if busy && done < 20 {
						appendTo(t, log, "hubspot/contact/2")
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				// Ten pages; that the log grows is seen after the second, and for the last time with the tenth.
				want := 0
				if busy {
					want = 7
				}
				waited := 0
				for _, gap := range db.gaps {
					if gap >= held {
						waited++
					}
				}
				if waited < want || !busy && waited > 0 {
					t.Errorf("waited %d times, want %d; between the transactions: %v", waited, want, db.gaps)
				}
			})
		})
	}
}

// counted is a list that tells how many rows each transaction wrote.
type counted struct {
	list
	rows *[]int
}

func (c counted) Open(v projections.Version) projections.Folder {
	return countedFolder{&listFolder{list: c.list, v: v}, c.rows}
}

type countedFolder struct {
	*listFolder
	sizes *[]int
}

func (f countedFolder) Write(ctx context.Context, q eventstore.Querier) error {
	*f.sizes = append(*f.sizes, len(f.rows))
	return f.listFolder.Write(ctx, q)
}

// On SQLite an append waits for the transaction under way: none that a follower makes, nor a rebuild while others
// append, writes more than 500 rows. A rebuild that is alone writes many at once.
func TestTransactionsOnSQLiteAreShort(t *testing.T) {
	for _, busy := range []bool{true, false} {
		t.Run(fmt.Sprint("appending ", busy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := backends.SQLite(t)
				log := openLog(t, store)
				for range 6 {
					appendTo(t, log, slices.Repeat([]string{"hubspot/contact/1"}, 1000)...)
				}
				var sizes []int
				r := projections.New(store, log, projections.Options{}, counted{rows: &sizes})
				catchUp(t, r)
				if most := slices.Max(sizes); most > 500 {
					t.Errorf("the follower wrote %d rows at once", most)
				}
				sizes = nil
				err := r.Rebuild(t.Context(), "list", func(done, _ int64) {
					if busy && done < 6000 {
						appendTo(t, log, "hubspot/contact/2")
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				switch most := slices.Max(sizes); {
				case !busy && (most < 5000 || most > 5250):
					t.Errorf("alone it wrote %v rows, want 5000 at once", sizes)
				case busy && slices.Max(sizes[1:]) > 500: // before its first it learns that it is not alone
					t.Errorf("beside others it wrote %v rows", sizes)
				}
			})
		})
	}
}
