package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// revocable is an authorizer whose tokens all end at once.
type revocable struct {
	httpapi.Authorizer
	asked atomic.Int64
	gone  atomic.Bool
}

func (r *revocable) Identify(ctx context.Context, token string) (httpapi.Identity, bool) {
	r.asked.Add(1)
	who, ok := r.Authorizer.Identify(ctx, token)
	return who, ok && !r.gone.Load()
}

// quick is a service whose streams show often that they live.
func quick(t *testing.T, store eventstore.Store, change ...func(*httpapi.Config)) (*service, *revocable) {
	tokens := &revocable{}
	return start(t, store, append(change, func(c *httpapi.Config) {
		c.Heartbeat, tokens.Authorizer, c.Authorizer = 10*time.Millisecond, c.Authorizer, tokens
	})...), tokens
}

// alive reads to the next heartbeat.
func (l *live) alive() {
	l.t.Helper()
	for line := ""; line != ": alive\n"; {
		var err error
		if line, err = l.body.ReadString('\n'); err != nil {
			l.t.Fatalf("stream ended before a heartbeat: %v", err)
		}
	}
}

// ended reads to the end, which must be a proper one: the reader is to come back.
func (l *live) ended() {
	l.t.Helper()
	if _, err := io.Copy(io.Discard, l.body); err != nil {
		l.t.Errorf("the stream is cut: %v", err)
	}
}

// TestFollowedStreamsEnd: with the token that was let in, and when positions come to mean something else; also while
// events come without a pause.
func TestFollowedStreamsEnd(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s, tokens := quick(t, store)
		s.fill(2)
		idle, busy := s.follow(t, "after=2&type=mode.changed", ""), s.follow(t, "after=2", "")
		idle.alive()
		busy.alive()
		tokens.gone.Store(true)
		idle.ended()
		ctx, stop := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() {
			for ctx.Err() == nil {
				s.append(act(domain.SyncPaused))
			}
		})
		busy.ended()
		stop()
		writing.Wait()
		s.wantProblem(s.get(events, "root"), 401)

		tokens.gone.Store(false)
		idle = s.follow(t, "after=head", "")
		idle.alive()
		s.restored(store, 2)
		idle.ended()
		a := s.do("GET", events, http.Header{
			"Authorization": {"Bearer root"}, "Accept": {"text/event-stream"}, "Last-Event-Id": {"1:3"},
		}, nil)
		s.wantProblem(a, 409)
		s.want(a, 409, `:2:2"`)
	})
}

// restored has the log go on in generation 2, as a restore does that kept events up to a position.
func (s *service) restored(store eventstore.Store, kept int64) {
	s.t.Helper()
	err := store.InTx(s.t.Context(), func(tx eventstore.Tx) error {
		_, err := tx.Exec(s.t.Context(), "UPDATE log_head SET generation = 2")
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	e := act(domain.LogRestored)
	e.Data = data(s.t, domain.Act{Restored: &domain.Restored{Generation: 2, Kept: kept}})
	s.append(e)
}

// TestWaitingEndsWithTheToken: what comes while somebody waits is not told to who may no longer read it.
func TestWaitingEndsWithTheToken(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		s, tokens := quick(t, store)
		s.want(s.tell(consumers, "feed", `{"name":"shop"}`), 200, "")
		for _, path := range []string{consumers + "/shop/events?member=a&wait=30", events + "?wait=30&after=1"} {
			asked := tokens.asked.Load()
			answered := make(chan answer)
			go func() { answered <- s.get(path, "feed") }()
			for tokens.asked.Load() == asked {
				time.Sleep(time.Millisecond)
			}
			tokens.gone.Store(true)
			s.append(act(domain.SyncPaused))
			a := <-answered
			s.wantProblem(a, 401)
			if a.header.Get("Www-Authenticate") == "" {
				t.Errorf("%s: %v", path, a.header)
			}
			tokens.gone.Store(false)
		}
	})
}

// TestReadingValuesIsAnAct, as a member, too, for everybody but consumers.
func TestReadingValuesIsAnAct(t *testing.T) {
	s := start(t, backends.SQLite(t), func(c *httpapi.Config) {
		connection := c.Connection
		c.Connection = func(name string) (httpapi.Connection, bool) {
			conn, ok := connection(name)
			conn.Looked = func(ctx context.Context, what string, by httpapi.By, _ ...ulid.ULID) error {
				e := act(domain.AccessMade)
				e.Actor, e.Data = by.Actor, []byte(`{"access":{"what":"`+what+`"}}`)
				_, err := conn.Log.Append(ctx, e)
				return err
			}
			return conn, ok
		}
	})
	s.want(s.tell(consumers, "feed", `{"name":"shop"}`), 200, "")
	path := consumers + "/shop/events?member=a"
	for _, token := range []string{"feed", "ops", "root"} { // the last one sees values
		s.want(s.get(path, token), 200, "")
	}
	if got := s.get(events, "feed").body; strings.Count(got, "\n") != 1 || !strings.Contains(got, `"actor":"token:bootstrap"`) {
		t.Errorf("acts: %s", got)
	}
}
