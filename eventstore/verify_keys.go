package eventstore

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/sha256"
)

// keyring holds what the events' keys are made of, by subject.
type keyring struct {
	prk   map[string][]byte // nil: erased, or told of already
	since map[string]int64  // events up to there were sealed under a key that was destroyed
}

// maxKeyring bounds the subjects kept; past it, keys are read again.
const maxKeyring = 100_000

// opened reads the keys of the events' subjects.
func (v *verifier) opened(ctx context.Context, events []storedRow) error {
	if v.Master.IsZero() {
		return nil
	}
	if v.keyring.prk == nil || len(v.keyring.prk) > maxKeyring {
		v.keyring = keyring{prk: map[string][]byte{}, since: map[string]int64{}}
	}
	var subjects []string
	asked := map[string]bool{}
	for _, ev := range events {
		if _, known := v.keyring.prk[ev.subject]; !known && !asked[ev.subject] {
			asked[ev.subject] = true
			subjects = append(subjects, ev.subject)
		}
	}
	rows, err := v.db.QueryKeys(ctx, "SELECT subject, wrapped, since FROM subject_key WHERE connection = $1 AND subject IN ($keys)",
		subjects, v.Connection)
	_, err = Scan(rows, err, func(r Rows) (none struct{}, err error) {
		var subject string
		var wrapped []byte
		var since int64
		if err := r.Scan(&subject, &wrapped, &since); err != nil {
			return none, err
		}
		v.keyring.prk[subject], v.keyring.since[subject] = v.unwrap(subject, wrapped), since
		delete(asked, subject)
		return none, nil
	})
	for _, subject := range subjects {
		if asked[subject] && err == nil {
			v.fault(0, FaultSubject, "the key of %s is gone", subject)
			v.keyring.prk[subject] = nil
		}
	}
	return err
}

// unwrap opens a subject's key; nil when it was destroyed, or is another's.
func (v *verifier) unwrap(subject string, wrapped []byte) []byte {
	if len(wrapped) == 0 {
		return nil
	}
	key, err := v.Master.Unwrap("subject key\n"+v.Connection+"\n"+subject, wrapped)
	if err != nil {
		v.fault(0, FaultSubject, "the key of %s is not one that was made for it under this master key", subject)
		return nil
	}
	prk, err := hkdf.Extract(sha256.New, key, nil)
	if err != nil {
		v.fault(0, FaultSubject, "the key of %s: %v", subject, err)
	}
	return prk
}

// keyed checks that the event was sealed under its subject's key.
func (v *verifier) keyed(ev *storedRow) {
	prk := v.keyring.prk[ev.subject]
	if prk == nil || ev.position <= v.keyring.since[ev.subject] {
		return
	}
	key, err := hkdf.Expand(sha256.New, prk, "event:"+string(ev.id), sha256.Size)
	sum := sha256.Sum256(key)
	if err != nil || !bytes.Equal(sum[:], ev.keyHash) {
		v.fault(ev.position, FaultSubject, "the key of %s did not seal this event", ev.subject)
	}
}
