package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/duolog/duolog/eventstore"
)

// compare drops pending keys that turn out to be stored, or to have come too late. The mutex is held.
func (v *vault) compare(rows map[string]KeyRow) {
	for subject, row := range rows {
		p, ok := v.pending[subject]
		if !ok {
			continue
		}
		delete(v.pending, subject)
		if !bytes.Equal(p.row.Wrapped, row.Wrapped) {
			v.at.generation++ // what was sealed with it is to be sealed again
		}
	}
}

// proposal is the pending key of a subject, or a new one.
func (v *vault) proposal(subject string) pendingKey {
	v.mu.Lock()
	p, ok := v.pending[subject]
	v.mu.Unlock()
	if ok {
		return p
	}
	return v.generate(subject)
}

// pend keeps new keys in memory; where another caller was first, his counts.
func (v *vault) pend(made []pendingKey) map[string]subjectKey {
	keys := make(map[string]subjectKey, len(made))
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range made {
		subject := p.row.Subject
		if k, ok := v.known.get(digestOf(subject)); ok {
			keys[subject] = k
			continue
		}
		if first, ok := v.pending[subject]; ok {
			first.stalled = p.stalled
			p = first
		}
		v.pending[subject] = p
		keys[subject] = subjectKey{key: p.key}
	}
	return keys
}

// A transaction stores the pending keys it needs, not those of others: whoever stores the same key waits for it to end.

// everyKey is what a batch takes along, so that a key whose append failed does not stay for ever.
func everyKey(pendingKey) bool { return true }

// sealedRows chooses keys that sealed something besides events: what was sealed may be in any transaction.
func sealedRows(p pendingKey) bool { return p.stalled != 0 }

// keysOf chooses the keys that calls are sealed with.
func keysOf(calls ...*call) func(pendingKey) bool {
	subjects := map[string]bool{}
	for _, c := range calls {
		for i := range c.events {
			subjects[c.events[i].Subject] = true
		}
	}
	return func(p pendingKey) bool { return subjects[p.row.Subject] }
}

// waiting returns the pending keys that are wanted, for a batch to store.
func (v *vault) waiting(wanted func(pendingKey) bool) (stamp, []KeyRow) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var rows []KeyRow
	for _, p := range v.pending {
		if wanted(p) {
			rows = append(rows, p.row)
		}
	}
	slices.SortFunc(rows, func(a, b KeyRow) int { return strings.Compare(a.Subject, b.Subject) })
	return v.at, rows
}

// settled marks keys as stored. Those stored before keys were last forgotten are to be read anew.
func (v *vault) settled(rows []KeyRow, at stamp) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, row := range rows {
		p, ok := v.pending[row.Subject]
		if !ok || !bytes.Equal(p.row.Wrapped, row.Wrapped) {
			continue
		}
		delete(v.pending, row.Subject)
		if v.at == at {
			v.known.put(digestOf(row.Subject), subjectKey{key: p.key})
		}
	}
}

// flush stores pending keys in a transaction about to commit; the function it returns is called after that. When
// another process has stored a key of the same subject, ours seals nothing that may be stored: errKeyRace.
func (v *vault) flush(ctx context.Context, q eventstore.Querier, wanted func(pendingKey) bool,
) (at stamp, settle func(), err error) {
	at, rows := v.waiting(wanted)
	if len(rows) == 0 {
		return at, func() {}, nil
	}
	stored, err := v.insert(ctx, q, rows)
	if err != nil {
		return at, nil, fmt.Errorf("store subject keys: %w", err)
	}
	lost := slices.DeleteFunc(slices.Clone(rows), func(row KeyRow) bool {
		return bytes.Equal(row.Wrapped, stored[row.Subject].Wrapped)
	})
	if len(lost) > 0 {
		v.abandon(lost)
		return at, nil, errKeyRace
	}
	return at, func() { v.settled(rows, at) }, nil
}

// abandon forgets pending keys that another process was faster with.
func (v *vault) abandon(rows []KeyRow) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.at.generation++
	for _, row := range rows {
		delete(v.pending, row.Subject)
		v.known.remove(digestOf(row.Subject))
	}
}
