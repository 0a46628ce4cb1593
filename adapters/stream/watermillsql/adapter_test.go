package watermillsql_test

import (
	"context"
	stdsql "database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill-sql/v3/pkg/sql"
	"github.com/ThreeDotsLabs/watermill/message"
	_ "github.com/jackc/pgx/v5/stdlib" // the service's own driver
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/adapters/stream/watermillsql"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
)

// service is a service with its own pool beside Duolog's store.
type service struct {
	t     *testing.T
	db    *stdsql.DB
	store eventstore.Store
	log   eventstore.Log
	key   eventstore.MasterKey
}

func open(t *testing.T) *service {
	t.Helper()
	url, key := eventstoretest.PostgresURL(t), eventstore.NewMasterKey()
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url, MasterKey: key, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	db, err := stdsql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &service{t, db, store, log, key}
}

func (s *service) fill(n int) {
	s.t.Helper()
	all := make([]eventstore.NewEvent, n)
	for i := range all {
		stream := fmt.Sprintf("hubspot/contact/%d", i%7)
		all[i] = eventstore.NewEvent{
			ID: ulid.Make(), Stream: stream, Type: domain.RecordUpdated, Schema: 1, Actor: "test", Subject: stream,
			Data: []byte(`{"via":"webhook","properties":{"city":"Bern"}}`),
		}
	}
	if _, err := s.log.Append(s.t.Context(), all...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) adapter(c watermillsql.Config) *watermillsql.Adapter {
	s.t.Helper()
	c.Connection = "default"
	a, err := watermillsql.New(s.t.Context(), s.db, c)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *service) subscribe(ctx context.Context, a *watermillsql.Adapter, name, topic string) (<-chan *message.Message, *sql.Subscriber, error) {
	sub, err := sql.NewSubscriber(s.db, sql.SubscriberConfig{
		ConsumerGroup: name, SchemaAdapter: a, OffsetsAdapter: a, PollInterval: 10 * time.Millisecond,
		ResendInterval: time.Millisecond, RetryInterval: 10 * time.Millisecond,
	}, watermill.NopLogger{})
	if err != nil {
		s.t.Fatal(err)
	}
	messages, err := sub.Subscribe(ctx, topic)
	return messages, sub, err
}

func position(t *testing.T, m *message.Message) (string, map[string]json.RawMessage) {
	t.Helper()
	var ce struct {
		ID, Sequence string
		Data         map[string]json.RawMessage
	}
	if err := json.Unmarshal(m.Payload, &ce); err != nil || ce.ID != m.UUID {
		t.Fatalf("%v: %s", err, m.Payload)
	}
	return ce.Sequence, ce.Data
}

// TestStockSubscriberReadsEveryEventInOrder: every event once, in order, from where it left off, also after the first
// subscriber is gone; duolog shows how far it is.
func TestStockSubscriberReadsEveryEventInOrder(t *testing.T) {
	s := open(t)
	s.fill(250)
	next := 1
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		a := s.adapter(watermillsql.Config{MasterKey: s.key, Data: cloudevent.Full, Batch: 40})
		messages, sub, err := s.subscribe(ctx, a, "shop", "default")
		if err != nil {
			t.Fatal(err)
		}
		for range 250 {
			m := <-messages
			if m == nil {
				t.Fatal("no more messages")
			}
			seq, data := position(t, m)
			if seq != fmt.Sprint(next) || string(data["properties"]) != `{"city":"Bern"}` {
				t.Fatalf("message %s %s, want %d with its values", seq, m.Payload, next)
			}
			next++
			m.Ack()
		}
		s.caughtUp(ctx, "shop") // closed before, the subscriber would not commit what was acknowledged last
		if err := sub.Close(); err != nil {
			t.Fatal(err)
		}
		cancel()
		s.fill(250)
	}
}

// caughtUp waits until a consumer has nothing before it, as Duolog sees it.
func (s *service) caughtUp(ctx context.Context, name string) {
	s.t.Helper()
	for {
		info, err := group.New(s.store, s.log, nil).Get(ctx, name)
		if err != nil || info.Kind != group.KindSQL {
			s.t.Fatalf("as duolog sees it: %+v, %v", info, err)
		}
		if info.Lag == 0 {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
}

// TestTwoSubscribersShareAGroup: each event to one of them; one that stands by takes over.
func TestTwoSubscribersShareAGroup(t *testing.T) {
	s := open(t)
	s.fill(300)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	var got []string
	var running sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		messages, sub, err := s.subscribe(ctx, s.adapter(watermillsql.Config{Batch: 10}), "shop", "default")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = sub.Close() }()
		running.Go(func() {
			for m := range messages {
				mu.Lock()
				got = append(got, m.Metadata["position"])
				if len(got) == 300 {
					close(done)
				}
				mu.Unlock()
				m.Ack()
			}
		})
	}
	select {
	case <-done:
	case <-ctx.Done():
		mu.Lock()
		defer mu.Unlock()
		info, err := group.New(s.store, s.log, nil).Get(context.Background(), "shop")
		t.Fatalf("%d of 300 came, acknowledged up to %d (%v): %v", len(got), info.Position, err, got)
	}
	cancel()
	running.Wait()
	for i := range 300 {
		if got[i] != fmt.Sprint(i+1) {
			t.Fatalf("message %d is %s", i, got[i])
		}
	}
}

// TestErasedComesAsATombstone, and without a master key nothing but the envelope comes.
func TestErasedComesAsATombstone(t *testing.T) {
	s := open(t)
	s.fill(2)
	if _, err := s.store.Exec(t.Context(), "UPDATE subject_key SET wrapped = NULL WHERE subject = $1", "hubspot/contact/1"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, c := range map[string]watermillsql.Config{
		"full": {MasterKey: s.key, Data: cloudevent.Full}, "ids": {MasterKey: s.key}, "keyless": {},
	} {
		messages, sub, err := s.subscribe(ctx, s.adapter(c), name, "default")
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for range 2 {
			m := <-messages
			all = append(all, string(m.Payload))
			m.Ack()
		}
		_ = sub.Close()
		if strings.Contains(all[0], "Bern") != (name == "full") || strings.Contains(all[0], `"data":`) == (name == "keyless") {
			t.Errorf("%s: %s", name, all[0])
		}
		if !strings.Contains(all[1], `"erased":true`) || strings.Contains(all[1], `"data":`) {
			t.Errorf("%s, erased: %s", name, all[1])
		}
	}
}

// TestParkedIsLeftOutAndComesOnce: also where a whole batch is put aside, and where the handler fails on it once more.
func TestParkedIsLeftOutAndComesOnce(t *testing.T) {
	s := open(t)
	s.fill(8)
	g := group.New(s.store, s.log, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	a := s.adapter(watermillsql.Config{Batch: 2})
	deadline := 200 * time.Millisecond
	sub, err := sql.NewSubscriber(s.db, sql.SubscriberConfig{
		ConsumerGroup: "shop", SchemaAdapter: a, OffsetsAdapter: a, PollInterval: 10 * time.Millisecond,
		ResendInterval: time.Millisecond, RetryInterval: 10 * time.Millisecond, AckDeadline: &deadline,
	}, watermill.NopLogger{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	messages, err := sub.Subscribe(ctx, "default")
	if err != nil {
		t.Fatal(err)
	}
	// comes acknowledges up to the position, but for one on which it fails.
	comes := func(last, poison string) (got string) {
		t.Helper()
		for m := range messages {
			at := m.Metadata["position"]
			if at == poison {
				m.Nack()
				return got
			}
			if !strings.HasSuffix(got, at+m.Metadata["again"]+" ") {
				got += at + m.Metadata["again"] + " "
			}
			m.Ack()
			if at == last {
				return got
			}
		}
		t.Fatalf("%s does not come after %s", last, got)
		return got
	}
	comes("", "2")
	for _, p := range []int64{2, 3, 4, 5} {
		if err := g.Park(ctx, "shop", p, "no such column"); err != nil {
			t.Fatal(err)
		}
	}
	for m := range messages { // of the batch that was read before
		if m.Metadata["position"] == "6" {
			m.Ack()
			break
		}
		m.Nack()
	}
	if got := comes("8", ""); got != "7 8 " {
		t.Errorf("after four were put aside: %s", got)
	}
	s.caughtUp(ctx, "shop")
	for _, p := range []int64{3, 5} {
		if _, err := g.Retry(ctx, "shop", p); err != nil {
			t.Fatal(err)
		}
	}
	comes("", "5") // 3 is handled, 5 fails again
	if err := g.Park(ctx, "shop", 5, "still no such column"); err != nil {
		t.Fatal(err)
	}
	s.fill(1)
	for m := range messages {
		if m.Metadata["position"] == "9" {
			m.Ack()
			break
		}
		m.Nack()
	}
	s.caughtUp(ctx, "shop")
	parked, err := g.Parked(ctx, "shop")
	if err != nil || len(parked) != 3 || parked[2].Position != 5 || parked[2].Attempts != 2 {
		t.Errorf("put aside: %+v, %v", parked, err)
	}
}

func TestWhatIsRefusedSaysWhy(t *testing.T) {
	s := open(t)
	s.fill(1)
	g := group.New(s.store, s.log, nil)
	if err := g.Create(t.Context(), group.Spec{Name: "members"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	a := s.adapter(watermillsql.Config{})
	for _, tt := range []struct{ group, topic, says string }{
		{"shop", "other", "subscribe to the topic default"}, {"members", "default", "is of the kind group"},
	} {
		if _, _, err := s.subscribe(ctx, a, tt.group, tt.topic); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s on %s: %v, want %q", tt.group, tt.topic, err, tt.says)
		}
	}
	if _, err := a.InsertQuery("default", nil); !errors.Is(err, watermillsql.ErrReadOnly) {
		t.Errorf("insert: %v", err)
	}
	if _, err := watermillsql.New(t.Context(), s.db, watermillsql.Config{Connection: "nobody"}); err == nil {
		t.Error("a log nobody has is read")
	}
	// After a restore the old checkpoint is refused, not skipped over.
	if _, err := s.store.Exec(t.Context(), "UPDATE log_head SET generation = 2"); err != nil {
		t.Fatal(err)
	}
	a = s.adapter(watermillsql.Config{})
	q := a.NextOffsetQuery("default", "members")
	var n int64
	if err := s.db.QueryRowContext(t.Context(), q.Query, q.Args...).Scan(&n); err == nil || !strings.Contains(err.Error(), "duolog consumers reset members") {
		t.Errorf("a checkpoint of another generation: %d, %v", n, err)
	}
}

// TestBatchCostsABatch: whatever lies behind it, and however little the database knows of its tables, a batch reads no
// more rows than it has, and takes the lock once.
func TestBatchCostsABatch(t *testing.T) {
	s := open(t)
	s.fill(5000)
	a := s.adapter(watermillsql.Config{Batch: 100})
	for _, q := range a.BeforeSubscribingQueries("default", "shop") {
		if _, err := s.db.ExecContext(t.Context(), q.Query, q.Args...); err != nil {
			t.Fatal(err)
		}
	}
	g := group.New(s.store, s.log, nil)
	for _, p := range []int64{10, 60, 4000} {
		if err := g.Park(t.Context(), "shop", p, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Reset(t.Context(), "shop", 50); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Retry(t.Context(), "shop", 10); err != nil {
		t.Fatal(err)
	}
	for _, analyzed := range []bool{false, true} {
		if analyzed {
			if _, err := s.db.ExecContext(t.Context(), "ANALYZE"); err != nil {
				t.Fatal(err)
			}
		}
		text := s.plan(a.SelectQuery("default", "shop", a))
		if !strings.Contains(text, "LockRows (actual rows=1 loops=1)") || !strings.Contains(text, "CTE acked") {
			t.Errorf("analyzed %v, the lock is not taken just once:\n%s", analyzed, text)
		}
		if !strings.Contains(text, "event_pkey") || strings.Contains(text, "rows=5000") {
			t.Errorf("analyzed %v, plan:\n%s", analyzed, text)
		}
	}
}

// plan returns how a query was run.
func (s *service) plan(q sql.Query) string {
	s.t.Helper()
	rows, err := s.db.QueryContext(s.t.Context(), "EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) "+q.Query, q.Args...)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			s.t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return plan.String()
}
