package projections_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
	"github.com/duolog/duolog/projections"
)

// While the log grows without a pause a follower makes fewer pages of it; what comes alone it folds at once.
func TestAFollowerGathersLongerUnderSteadyTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := backends.SQLite(t)
		log := &countedLog{Log: openLog(t, store)}
		catchUp(t, projections.New(store, log, projections.Options{}, list{}))
		ctx, stop := context.WithCancel(t.Context())
		r, ended := projections.New(store, log, projections.Options{}, list{}), make(chan struct{})
		go func() {
			defer close(ended)
			_ = r.Run(ctx)
		}()
		synctest.Wait()
		log.reads.Store(0)
		for range 200 { // two seconds
			appendTo(t, log, "hubspot/contact/1")
			<-time.After(10 * time.Millisecond)
		}
		<-time.After(time.Second)
		if n := log.reads.Load(); n < 20 || n > 60 {
			t.Errorf("%d pages of 200 events in two seconds, want about 40", n)
		}
		head := appendTo(t, log, "hubspot/contact/1")
		<-time.After(30 * time.Millisecond)
		synctest.Wait()
		if at, err := projections.Position(ctx, store, log.Connection(), "list"); err != nil || at != head {
			t.Errorf("at %d of %d, %v, 30 ms after an event that came alone", at, head, err)
		}
		stop()
		<-ended
	})
}
