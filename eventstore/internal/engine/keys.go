package engine

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/internal/envelope"
)

// policy says what happens to a subject without a key.
type policy int

const (
	readOnly policy = iota
	// makeNow stores a new key before it is used, unless the only writer is taken.
	makeNow
	// makeLater leaves a new key pending; the append that needs it stores it.
	makeLater
)

// keys returns the keys of the subjects; those without one are made, or absent, as the policy says.
func (v *vault) keys(ctx context.Context, subjects []string, missing policy) (map[string]subjectKey, error) {
	if missing == readOnly {
		if err := v.fresh(ctx); err != nil {
			return nil, err
		}
	}
	found, absent, at := v.lookup(subjects, missing != makeNow)
	if len(absent) == 0 {
		return found, nil
	}
	stored, err := v.read(ctx, v.store.driver, absent)
	if err != nil {
		return nil, err
	}
	learned, err := v.learn(stored, at)
	if err != nil {
		return nil, err
	}
	maps.Copy(found, learned)
	absent = slices.DeleteFunc(absent, func(s string) bool { _, ok := found[s]; return ok })
	if len(absent) == 0 || missing == readOnly {
		return found, nil
	}
	made, err := v.create(ctx, absent, missing, at)
	maps.Copy(found, made)
	return found, err
}

// lookup sorts the subjects into those known in memory and those not. A pending key counts for one who takes care that
// it is stored together with what it seals, not for others: another process may yet be faster.
func (v *vault) lookup(subjects []string, pendingToo bool) (found map[string]subjectKey, absent []string, at stamp) {
	found = make(map[string]subjectKey, len(subjects))
	missed := map[string]bool{}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, subject := range subjects {
		if _, known := found[subject]; known || missed[subject] {
			continue
		}
		p, pending := v.pending[subject]
		if pending && pendingToo {
			found[subject] = subjectKey{key: p.key}
		} else if k, ok := v.known.get(digestOf(subject)); ok && !pending {
			found[subject] = k
		} else {
			missed[subject] = true
			absent = append(absent, subject)
		}
	}
	return found, absent, v.at
}

// read loads rows of subject_key.
func (v *vault) read(ctx context.Context, q eventstore.Querier, subjects []string) (map[string]KeyRow, error) {
	rows, err := q.QueryKeys(ctx, v.store.sql.SubjectKeys, subjects, v.connection)
	list, err := eventstore.Scan(rows, err, func(r eventstore.Rows) (k KeyRow, err error) {
		return k, r.Scan(&k.Subject, &k.MasterID, &k.Wrapped, &k.Since)
	})
	if err != nil {
		return nil, fmt.Errorf("read subject keys: %w", err)
	}
	found := make(map[string]KeyRow, len(list))
	for _, k := range list {
		found[k.Subject] = k
	}
	return found, nil
}

// learn unwraps rows and keeps them, unless keys were forgotten since the stamp: the rows may be older than that. That a
// key was destroyed is not kept, for a process that asks must hear of a new one.
func (v *vault) learn(rows map[string]KeyRow, at stamp) (map[string]subjectKey, error) {
	keys := make(map[string]subjectKey, len(rows))
	for subject, row := range rows {
		k, err := v.unwrap(row)
		if err != nil {
			return nil, err
		}
		keys[subject] = k
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at == at {
		for subject, k := range keys {
			if !k.erased {
				v.known.put(digestOf(subject), k)
			}
		}
	}
	v.compare(rows)
	return keys, nil
}

func (v *vault) unwrap(row KeyRow) (subjectKey, error) {
	if len(row.Wrapped) == 0 {
		return subjectKey{erased: true}, nil
	}
	raw, err := v.store.opts.MasterKey.Unwrap(v.purpose(row.Subject), row.Wrapped)
	if err != nil {
		return subjectKey{}, err
	}
	return subjectKey{key: envelope.NewKey(raw), since: row.Since}, nil
}

func (v *vault) purpose(subject string) string {
	return eventstore.SubjectPurpose(v.connection, subject)
}

func (v *vault) generate(subject string) pendingKey {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	master := v.store.opts.MasterKey
	id, wrapped := master.Wrap(v.purpose(subject), raw)
	row := KeyRow{Subject: subject, MasterID: id, Wrapped: wrapped}
	return pendingKey{row: row, key: envelope.NewKey(raw)}
}

// create makes keys for subjects that have none.
func (v *vault) create(ctx context.Context, subjects []string, how policy, at stamp) (map[string]subjectKey, error) {
	made := make([]pendingKey, len(subjects))
	for i, subject := range subjects {
		made[i] = v.proposal(subject)
	}
	if how == makeNow {
		stored, stalled, err := v.storeNow(ctx, made)
		if err != nil {
			return nil, fmt.Errorf("store subject keys: %w", err)
		}
		if stalled == 0 {
			return v.learn(stored, at)
		}
		for i := range made {
			made[i].stalled = stalled
		}
	}
	return v.pend(made), nil
}

// storeNow stores new keys at once, or names the transaction, maybe the caller's own, that it would have to wait for.
func (v *vault) storeNow(ctx context.Context, made []pendingKey) (there map[string]KeyRow, stalled int64, err error) {
	rows, known := make([]KeyRow, len(made)), made[0].stalled
	for i, p := range made {
		rows[i] = p.row
		if p.stalled != known {
			known = 0
		}
	}
	err = v.store.again(ctx, func() (err error) {
		stalled, err = v.store.driver.WriteKeys(ctx, known, func(q eventstore.Querier) (err error) {
			there, err = v.insert(ctx, q, rows)
			return err
		})
		return v.store.wrote(err)
	})
	return there, stalled, err
}

// insert stores keys where there are none and returns what then stands there.
func (v *vault) insert(ctx context.Context, q eventstore.Querier, rows []KeyRow) (map[string]KeyRow, error) {
	op := InsertSubjects
	op.Mode = eventstore.InsertNew
	if err := q.Bulk(ctx, op, SubjectRows(v.connection, rows)); err != nil {
		return nil, err
	}
	subjects := make([]string, len(rows))
	for i, row := range rows {
		subjects[i] = row.Subject
	}
	return v.read(ctx, q, subjects)
}
