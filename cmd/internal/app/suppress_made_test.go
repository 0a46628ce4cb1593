package app_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// slow is an Aloware that, while it is on, carries out what it is sent and answers late; while it is down it answers nothing
// but 503.
type slow struct {
	on, down atomic.Bool
	made     chan struct{} // one for each that was carried out
	answer   chan struct{} // one for each that is answered
}

func (s *slow) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.down.Load():
			w.WriteHeader(http.StatusServiceUnavailable)
		case !s.on.Load() || r.Method != http.MethodPost:
			next.ServeHTTP(w, r)
		default:
			kept := httptest.NewRecorder()
			next.ServeHTTP(kept, r)
			s.made <- struct{}{}
			select {
			case <-s.answer:
			case <-r.Context().Done():
			}
			if s.down.Load() {
				kept = httptest.NewRecorder()
				kept.WriteHeader(http.StatusServiceUnavailable)
			}
			maps.Copy(w.Header(), kept.Header())
			w.WriteHeader(kept.Code)
			_, _ = w.Write(kept.Body.Bytes())
		}
	})
}

// TestJoinsWhileCreated: what comes of a create that was sent before its person was recognised joins the erasure as well: when
// its outcome is told and, where no answer came, when the record is. Whoever lets her in lets those in, too.
func TestJoinsWhileCreated(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		s := &slow{made: make(chan struct{}, 9), answer: make(chan struct{})}
		r := start(t, plan{database: database, front: s.front})
		her, err := r.hubspot.Create(zoe, "7")
		r.must(err)
		r.settle()
		_, err = r.aside().Erase(t.Context(), r.contact("hubspot:"+her).ID, httpapi.Erasing{}, tester)
		r.must(err)
		r.must(r.hubspot.Delete(her))
		r.settle()

		r.aloware.SetTarget("") // the outcome alone tells of it
		s.on.Store(true)
		sent, answered := r.sentFor(s, "+12125550166")
		r.shows(sent)
		s.on.Store(false)
		s.answer <- struct{}{}
		r.joinedWhole("aloware:" + answered)
		r.must(r.hubspot.Edit(sent, map[string]string{"email": ""}, "7"))
		r.settle()

		s.on.Store(true)
		sent, late := r.sentFor(s, "+12125550168")
		r.joinsMeanwhile(sent)
		s.on.Store(false)
		s.answer <- struct{}{}
		r.joinedWhole("aloware:" + late)

		s.on.Store(true)
		sent, lost := r.sentFor(s, "+12125550167")
		s.down.Store(true)
		s.answer <- struct{}{}
		r.wait("no answer", func(ctx context.Context) (bool, error) {
			n, err := outbox.Counts(ctx, r.Store, "default")
			return slices.ContainsFunc(n, func(c outbox.Count) bool { return c.Failing > 0 }), err
		})
		r.shows(sent)
		s.on.Store(false)
		s.down.Store(false)
		r.settle()
		r.hear(r.url)
		r.must(r.aloware.Edit(lost, map[string]any{"city": "London"}))
		r.joinedWhole("aloware:" + lost)

		r.forgotten(database, her)
		r.sameAnew()
		r.verifies()
		_, err = r.Lift(t.Context(), r.contact("hubspot:"+her).ID, tester)
		r.must(err)
		r.settle()
		for _, id := range []string{answered, late, lost} {
			r.must(r.aloware.Edit(id, map[string]any{"city": "Delft"}))
			r.settle()
			if c := r.contact("aloware:" + id); c.Erased {
				t.Errorf("let in again: %+v", c)
			}
		}
		if n := r.number("SELECT COUNT(*) FROM erased_identifier"); n > 0 {
			t.Errorf("let in again, %d hashes are kept", n)
		}
	})
}

// joinsMeanwhile has a record of HubSpot join while its create fails between two looks at what waits to be sent, and somebody
// else tries to append.
func (r *rig) joinsMeanwhile(id string) {
	r.t.Helper()
	a, other := r.aside(), r.aside()
	a.Store = &meanwhile{Store: a.Store, do: func(tx eventstore.Tx) {
		_, err := tx.Exec(r.t.Context(), "UPDATE outbox SET state = 'waiting', sent = 0 WHERE subject = $1", "hubspot/contact/"+id)
		r.must(err)
		if strings.HasPrefix(r.config.DatabaseURL, "sqlite:") {
			return // which has one writer at a time
		}
		ctx, cancel := context.WithTimeout(r.t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := other.Store.InTx(ctx, func(tx eventstore.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE log_head SET position = position") // as whoever appends
			return err
		}); err == nil {
			r.t.Error("somebody could append while a record joined")
		}
	}}
	joined, err := a.JoinErasure(r.t.Context(), eventstore.NewEvent{
		Stream: "hubspot/contact/" + id, Type: domain.RecordUpdated, Data: []byte(`{"properties":{"email":"` + zoe["email"] + `"}}`),
	})
	if err != nil || !joined {
		r.t.Errorf("joined %t, %v", joined, err)
	}
}

// meanwhile is a store where something happens in a transaction once what waits to be sent was removed.
type meanwhile struct {
	eventstore.Store
	do func(eventstore.Tx)
}

func (m *meanwhile) InTx(ctx context.Context, fn func(eventstore.Tx) error) error {
	return m.Store.InTx(ctx, func(tx eventstore.Tx) error { return fn(&meanwhileTx{tx, m.do}) })
}

type meanwhileTx struct {
	eventstore.Tx
	do func(eventstore.Tx)
}

func (t *meanwhileTx) QueryKeys(ctx context.Context, query string, keys any, args ...any) (eventstore.Rows, error) {
	if strings.HasPrefix(query, "SELECT") && strings.Contains(query, "FROM outbox") {
		t.do(t.Tx)
	}
	return t.Tx.QueryKeys(ctx, query, keys, args...)
}

// sentFor enters her in HubSpot under a new id, without anything she is recognised by, and returns once Aloware has made her
// counterpart and has yet to say so.
func (r *rig) sentFor(s *slow, phone string) (id, made string) {
	r.t.Helper()
	id, err := r.hubspot.Create(map[string]string{"firstname": zoe["firstname"], "phone": phone}, "7")
	r.must(err)
	r.wait("the create", func(context.Context) (bool, error) {
		select {
		case <-s.made:
			return true, nil
		default:
			return false, nil
		}
	})
	return id, r.inAloware("phone_number", phone)[0].ID
}

// shows has a record of HubSpot show her email, and waits until it has joined.
func (r *rig) shows(id string) {
	r.t.Helper()
	r.must(r.hubspot.Edit(id, map[string]string{"email": zoe["email"]}, "7"))
	r.joinedWhole("hubspot:" + id)
}
