package subscriber_test

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/google/uuid"
	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/adapters/stream/subscriber"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

// TestMain has Watermill's suite play its short form under the race detector, where its thousands of messages take longer
// than it waits for them; make test plays the long one without.
func TestMain(m *testing.M) {
	flag.Parse()
	if raced {
		if err := flag.Set("test.short", "true"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// publisher appends the suite's messages as events, whatever they hold.
type publisher struct {
	store eventstore.Store
	mu    sync.Mutex
	done  bool
}

// envelope is a message inside an event.
type envelope struct {
	UUID     string
	Payload  []byte
	Metadata message.Metadata
}

func (p *publisher) Publish(topic string, messages ...*message.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return subscriber.ErrClosed
	}
	log, err := p.store.Log(context.Background(), topic)
	if err != nil {
		return err
	}
	all := make([]eventstore.NewEvent, len(messages))
	for i, m := range messages {
		data, err := json.Marshal(envelope{m.UUID, m.Payload, m.Metadata})
		if err != nil {
			return err
		}
		id := ulid.Make()
		if u, err := uuid.Parse(m.UUID); err == nil {
			id = ulid.ULID(u)
		}
		all[i] = eventstore.NewEvent{
			ID: id, Stream: "hubspot/contact/" + key(m), Type: domain.RecordUpdated, Schema: 1, Actor: "suite",
			Subject: eventstore.SubjectLog, Data: data,
		}
	}
	_, err = log.Append(context.Background(), all...)
	return err
}

// key is what is kept in order: messages of a type, where the suite gives one as the payload.
func key(m *message.Message) string {
	if n, err := strconv.Atoi(string(m.Payload)); err == nil {
		return strconv.Itoa(n)
	}
	return m.UUID
}

func (p *publisher) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	return nil
}

func unwrap(e group.Delivered, _ cloudevent.Encoder) (*message.Message, error) {
	var env envelope
	if err := json.Unmarshal(e.Data, &env); err != nil {
		return nil, err
	}
	m := message.NewMessage(env.UUID, env.Payload)
	m.Metadata = env.Metadata
	return m, nil
}

// TestWatermillsOwnSuite: the tests every Pub/Sub of Watermill must pass, with the features this one declares. Delivery
// is at least once, so exactly once is not among them.
func TestWatermillsOwnSuite(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		features := tests.Features{ConsumerGroups: true, GuaranteedOrder: true, Persistent: true}
		of := func(t *testing.T, name string) (message.Publisher, message.Subscriber) {
			sub, err := subscriber.New(subscriber.Config{
				Store: store, Group: name, Lease: group.MinLease, Message: unwrap, Resend: time.Millisecond,
			})
			if err != nil {
				t.Fatal(err)
			}
			return &publisher{store: store}, sub
		}
		t.Run("suite", func(t *testing.T) { // its tests run in parallel: the store must outlast them
			tests.TestPubSub(t, features,
				func(t *testing.T) (message.Publisher, message.Subscriber) { return of(t, "suite") },
				func(t *testing.T, name string) (message.Publisher, message.Subscriber) { return of(t, name) })
		})
		features.NewSubscriberReceivesOldMessages = true
		tests.TestNewSubscriberReceivesOldMessages(t, tests.TestContext{TestID: tests.NewTestID(), Features: features},
			func(t *testing.T) (message.Publisher, message.Subscriber) { return of(t, uuid.NewString()) })
	})
}

// TestMessagesAreCloudEvents: by default a message holds ids and no values, and who is not acknowledged comes again.
func TestMessagesAreCloudEvents(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		_, err = log.Append(t.Context(), eventstore.NewEvent{
			ID: ulid.Make(), Stream: "hubspot/contact/1", Type: domain.RecordUpdated, Schema: 1, Actor: "test",
			Subject: eventstore.SubjectLog, Data: []byte(`{"via":"webhook","properties":{"city":"SECRET"}}`),
		})
		if err != nil {
			t.Fatal(err)
		}
		sub, err := subscriber.New(subscriber.Config{Store: store, Group: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		messages, err := sub.Subscribe(ctx, "default")
		if err != nil {
			t.Fatal(err)
		}
		m := <-messages
		m.Nack()
		again := <-messages
		var ce struct {
			ID, Type, Sequence, Fields string
			Data                       map[string]json.RawMessage
		}
		if err := json.Unmarshal(again.Payload, &ce); err != nil || ce.ID != again.UUID || m.UUID != again.UUID {
			t.Fatalf("%v: %s", err, again.Payload)
		}
		if ce.Type != domain.RecordUpdated || ce.Sequence != "1" || ce.Fields != "ids" || ce.Data["properties"] != nil {
			t.Errorf("payload %s", again.Payload)
		}
		again.Ack()
		if err := sub.Close(); err != nil {
			t.Fatal(err)
		}
		info, err := group.New(store, log, nil).Get(t.Context(), "shop")
		if err != nil || info.Lag != 0 || len(info.Members) != 0 {
			t.Errorf("after Close: %+v, %v", info, err)
		}
		if _, err := sub.Subscribe(ctx, "default"); err == nil {
			t.Error("a closed subscriber subscribes")
		}
	})
}

// TestRunningSubscriber: what is done to a group, or to the people its events are about, reaches a subscriber whose
// handler goes on failing.
func TestRunningSubscriber(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log, err := store.Log(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		add := func(records ...string) {
			t.Helper()
			for _, record := range records {
				_, err := log.Append(t.Context(), eventstore.NewEvent{
					ID: ulid.Make(), Stream: record, Type: domain.RecordUpdated, Schema: 1, Actor: "test", Subject: record,
					Data: []byte(`{"via":"webhook","properties":{"city":"SECRET"}}`),
				})
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		groups := group.New(store, log, nil)
		sub, err := subscriber.New(subscriber.Config{
			Store: store, Group: "shop", Data: cloudevent.Full, Lease: group.MinLease, Resend: time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = sub.Close() }()
		add("hubspot/contact/1", "hubspot/contact/2", "hubspot/contact/3", "hubspot/contact/4")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		messages, err := sub.Subscribe(ctx, "default")
		if err != nil {
			t.Fatal(err)
		}
		// comes fails on every message until the one at the position comes.
		comes := func(position string) *message.Message {
			t.Helper()
			for m := range messages {
				if m.Metadata["position"] == position {
					return m
				}
				m.Nack()
			}
			t.Fatalf("%s does not come", position)
			return nil
		}
		comes("1").Nack()
		if err := groups.Park(t.Context(), "shop", 1, "poison"); err != nil {
			t.Fatal(err)
		}
		m := comes("2")
		err = store.InTx(t.Context(), func(tx eventstore.Tx) error {
			_, err := tx.Erase(t.Context(), log, []string{"hubspot/contact/3"}, eventstore.NewEvent{
				ID: ulid.Make(), Stream: domain.StreamPrivacy, Type: domain.SubjectErased, Schema: 1, Actor: "test",
				Subject: eventstore.SubjectLog, Data: []byte(`{}`),
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		m.Nack()
		comes("2").Ack()
		m = comes("3")
		if text := string(m.Payload); strings.Contains(text, "SECRET") || !strings.Contains(text, `"erased":true`) {
			t.Errorf("after an erasure comes %s", text)
		}
		m.Ack()
		comes("4").Nack()
		if err := groups.Reset(t.Context(), "shop", 5); err != nil {
			t.Fatal(err)
		}
		add("hubspot/contact/1")
		comes("6").Ack()
		if _, err := groups.Retry(t.Context(), "shop", 1); err != nil {
			t.Fatal(err)
		}
		add("hubspot/contact/1") // wakes it
		comes("1").Nack()
		if err := groups.Drop(t.Context(), "shop", 1); err != nil {
			t.Fatal(err)
		}
		comes("7").Ack()
	})
}
