package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
)

// TestFrozenWriter: a process that stands still in the midst of a transaction, as a machine does that is put to sleep,
// holds the head's lock. The server takes it away, so that everybody else goes on; what was begun is undone.
func TestFrozenWriter(t *testing.T) {
	url, key := eventstoretest.PostgresURL(t), eventstore.NewMasterKey()
	frozen := open(t, postgres.Config{URL: url, MasterKey: key, IdleTimeout: 200 * time.Millisecond})
	other := open(t, postgres.Config{URL: url, MasterKey: key})
	theirs, ours := eventstoretest.Log(t, frozen), eventstoretest.Log(t, other)

	standing, wake, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- frozen.InTx(t.Context(), func(tx eventstore.Tx) error {
			_, err := tx.Append(t.Context(), theirs, eventstoretest.Event("1", "{}"))
			close(standing)
			<-wake
			return err
		})
	}()
	<-standing
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := ours.Append(ctx, eventstoretest.Event("2", "{}"))
	if err != nil || len(got) != 1 || got[0].Position != 1 {
		t.Errorf("beside a frozen writer: %+v, %v", got, err)
	}
	close(wake)
	if err := <-ended; !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("the frozen one woke up to %v, want that it has to try again", err)
	}
	if _, err := theirs.Append(t.Context(), eventstoretest.Event("3", "{}")); err != nil {
		t.Errorf("after it woke up: %v", err)
	}
}
