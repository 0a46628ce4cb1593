package eventstoretest

import (
	"context"
	"sync"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// What the backends' own tests share.

// Log opens the log "default".
func Log(t *testing.T, store eventstore.Store) eventstore.Log {
	t.Helper()
	return logOf(t, store, "default")
}

// Event is an update of a contact in HubSpot, with data as given.
func Event(contact, data string) eventstore.NewEvent {
	stream := "hubspot/contact/" + contact
	return eventstore.NewEvent{
		ID: ulid.Make(), Stream: stream, Type: "record.updated", Schema: 1, OccurredAt: 7,
		Actor: "hubspot", Subject: stream, Data: []byte(data),
	}
}

// StartAtOnce opens a database and its log n times at once, as processes do that start together and find it without
// a schema.
func StartAtOnce(t *testing.T, n int, open func(context.Context) (eventstore.Store, error)) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			store, err := open(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := store.Log(t.Context(), "default"); err != nil {
				t.Error(err)
			}
			_ = store.Close()
		})
	}
	all.Wait()
}
