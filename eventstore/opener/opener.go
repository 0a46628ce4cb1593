// Package opener opens sealed events for who reads the event table with SQL of his own and holds the master key.
package opener

import (
	"fmt"
	"sync"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/envelope"
)

// keep is how many subjects' keys are remembered.
const keep = 100_000

// Opener opens the events of one connection. It may be used concurrently.
type Opener struct {
	master     eventstore.MasterKey
	connection string

	mu    sync.Mutex
	known map[string]remembered
}

type remembered struct {
	wrapped string
	key     envelope.Key
}

// New returns an opener of the connection's events.
func New(master eventstore.MasterKey, connection string) *Opener {
	return &Opener{master: master, connection: connection, known: map[string]remembered{}}
}

// Open puts the plain data of the event in the place of what is sealed. wrapped is the subject's row in subject_key as it
// stands; empty, the subject was erased, and so is the event.
func (o *Opener) Open(e *eventstore.Event, wrapped, sealed []byte) error {
	e.Data, e.Erased = nil, len(wrapped) == 0
	if e.Erased {
		return nil
	}
	key, err := o.key(e.Subject, wrapped)
	if err == nil {
		e.Data, err = key.OpenEvent(e, sealed)
	}
	if err != nil {
		return fmt.Errorf("open event %d: %w", e.Position, err)
	}
	return nil
}

// key unwraps the subject's key, unless it did already: a key that was destroyed is not found under its row's content.
func (o *Opener) key(subject string, wrapped []byte) (envelope.Key, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if k, ok := o.known[subject]; ok && k.wrapped == string(wrapped) {
		return k.key, nil
	}
	raw, err := o.master.Unwrap(eventstore.SubjectPurpose(o.connection, subject), wrapped)
	if err != nil {
		return envelope.Key{}, err
	}
	key := envelope.NewKey(raw)
	if len(o.known) >= keep {
		clear(o.known)
	}
	o.known[subject] = remembered{string(wrapped), key}
	return key, nil
}
