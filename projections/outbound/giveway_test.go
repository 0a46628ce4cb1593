package outbound_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections/outbound"
)

// held is how long every transaction of a slowDB takes.
const held = time.Second

// slowDB is a database whose transactions take time, which in a bubble nothing else does.
type slowDB struct {
	eventstore.DB
	ended time.Time
	waits int // how often as much time passed between two transactions as the first had taken
}

func (s *slowDB) InTx(ctx context.Context, fn func(eventstore.Tx) error) error {
	if !s.ended.IsZero() && time.Since(s.ended) >= held {
		s.waits++
	}
	err := s.DB.InTx(ctx, fn)
	<-time.After(held)
	s.ended = time.Now()
	return err
}

// A rebuild of the planner's state on SQLite folds few events in a transaction, and leaves the only writer's place to
// those who append for as long as it was held. Alone it does not wait.
func TestARebuildOnSQLiteGivesWayToThoseWhoAppend(t *testing.T) {
	for _, busy := range []bool{true, false} {
		t.Run(fmt.Sprint("appending ", busy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, backends.SQLite(t))
				s.open()
				told := []eventstore.NewEvent{s.born(domain.HubSpot, "1", person(domain.HubSpot, 1, "Ann"))}
				for n := range 1500 {
					told = append(told, s.edit(domain.Record{System: domain.HubSpot, ID: "1"}, "firstname", fmt.Sprint("Ann", n), false))
				}
				s.append(told...)
				s.plan(s.process(nil))
				db := &slowDB{DB: s.store}
				var last, most int64
				err := outbound.Rebuild(t.Context(), db, s.log, func(done, _ int64) {
					most, last = max(most, done-last), done
					if busy {
						s.append(s.edit(domain.Record{System: domain.HubSpot, ID: "1"}, "firstname", "Bob", false))
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				if most > 500 {
					t.Errorf("%d events in a transaction", most)
				}
				// Eight pages and the swap; that the log grows is seen with the second.
				if busy && db.waits < 6 || !busy && db.waits > 0 {
					t.Errorf("waited %d times", db.waits)
				}
			})
		})
	}
}
