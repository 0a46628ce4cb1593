package simulate

import (
	"context"
	"encoding/binary"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/sqlite"
	"github.com/duolog/duolog/projections/lease"
)

const (
	connection   = "default"
	stagePlanner = "planner"
	stageChores  = "chores"
)

// node is one process of Duolog: a handle of its own on the database, and, while it owns the connection, its stages.
type node struct {
	w      *world
	name   string
	number int
	ids    uint64
	store  eventstore.Store
	app    *app.App
	inlets map[domain.System]httpapi.Webhooks
	stop   context.CancelFunc
	ended  chan struct{} // the keeper is gone
	tasks  []*task

	// Guarded by world.mu.
	own    *ownership
	dead   bool
	halt   bool             // stands still behind its next commit of a claim
	frozen [2]chan struct{} // of the keeper and of the tasks; nil: at work
}

// ownership is a time for which a node owns the connection.
type ownership struct {
	node   *node
	stages *app.Stages
	ctx    context.Context
	epoch  int64
	work   sync.WaitGroup
	behind bool    // there may be inputs to plan
	due    [2]bool // there may be commands to send, by system
	chores bool
}

// boot starts a process: it takes webhooks in at once, and waits for the lease.
func (w *world) boot() *node {
	n := &node{w: w, number: len(w.nodes) + 1, ended: make(chan struct{})}
	n.name = "p" + string(rune('0'+n.number%10))
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	store, err := sqlite.Open(ctx, sqlite.Config{Path: w.path, MasterKey: w.key, PollInterval: time.Hour, Readers: 2})
	w.must(err)
	n.store = store
	log, err := store.Log(ctx, connection)
	w.must(err)
	front := frontStore{store, n}
	n.app = &app.App{
		Config: app.Config{
			Connection: connection, Transport: wire{n},
			HubSpot: app.HubSpot{BaseURL: "http://hubspot.test", AccessToken: "any", ClientSecret: secret},
			Aloware: app.Aloware{BaseURL: "http://aloware.test", APIToken: "any", WebhookToken: secret},
		},
		Store: front, Log: log, Logger: w.logger, Actor: n.name, NewID: n.newID, Ring: ingest.NewRing(store, time.Now),
	}
	w.nodes = append(w.nodes, n)
	time.Sleep(time.Duration(n.number) * 7 * time.Millisecond)
	e, err := n.app.Engine(ctx)
	w.must(err)
	n.inlets = e.Inlets()
	go n.keep(ctx, e)
	w.rest()
	w.note("%s started", n.name)
	return n
}

// keep owns the connection whenever it can.
func (n *node) keep(ctx context.Context, e app.Engine) {
	defer close(n.ended)
	k := &lease.Keeper{DB: frontStore{n.store, n}, Logger: n.w.logger}
	for ctx.Err() == nil {
		_ = k.Run(ctx, connection, n.newID().String(), func(ctx context.Context, h *lease.Handle) error {
			s, err := e.Own(ctx, h)
			if err != nil {
				return err
			}
			o := &ownership{node: n, stages: s, ctx: ctx, epoch: h.Epoch(), behind: true, due: [2]bool{true, true}, chores: true}
			n.w.owned(n, o)
			<-ctx.Done()
			n.w.disowned(n)
			o.work.Wait()
			return ctx.Err()
		})
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (w *world) owned(n *node, o *ownership) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n.own = o
	w.epoch = max(w.epoch, o.epoch)
	w.note("%s owns the connection, epoch %d", n.name, o.epoch)
}

func (w *world) disowned(n *node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n.own = nil
}

// owner is the node that thinks it owns the connection and is at work, nil when there is none.
func (n *node) ownership() *ownership {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	if n.dead || n.frozen[1] != nil {
		return nil
	}
	return n.own
}

// awake reports whether the node's stages go on.
func (n *node) awake() bool {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	return !n.dead && n.frozen[1] == nil
}

// alive reports whether the node takes webhooks in.
func (n *node) alive() bool {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	return !n.dead && n.frozen[0] == nil && n.frozen[1] == nil
}

// newID makes ids that rise and are the same in every run.
func (n *node) newID() ulid.ULID {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	n.ids++
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(time.Now()))
	binary.BigEndian.PutUint16(id[6:], uint16(n.number))
	binary.BigEndian.PutUint64(id[8:], n.ids)
	return id
}

// kill ends the process at once: nothing it has not committed remains. arrive lets requests that had left arrive.
func (n *node) kill(arrive bool) {
	w := n.w
	w.note("%s is killed", n.name)
	for _, t := range slices.Clone(n.tasks) {
		for _, o := range t.waits() {
			if arrive && o.kind == opSend {
				w.release(t, o, verdict{fault: faultHang})
			}
		}
	}
	n.end()
	w.rest()
	w.must(n.store.Close())
}

// end lets nothing of the process go on but to its end.
func (n *node) end() {
	n.w.mu.Lock()
	n.dead = true
	n.thaw(0)
	n.thaw(1)
	for _, t := range n.tasks {
		for _, o := range t.ops {
			o.ch <- verdict{err: errDead}
		}
		t.ops = nil
	}
	n.w.mu.Unlock()
	n.stop()
	<-n.ended
}

// leave ends the process in good order: what is under way is finished, and the lease given back.
func (n *node) leave() {
	n.w.note("%s is stopped", n.name)
	n.stop()
	n.w.rest()
	for len(n.tasks) > 0 {
		n.w.finish(n.tasks[0])
	}
	<-n.ended
	n.w.mu.Lock()
	n.dead = true
	n.w.mu.Unlock()
	n.w.must(n.store.Close())
}

// freeze stops the process as SIGSTOP does.
func (n *node) freeze() {
	n.w.note("%s is frozen", n.name)
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	n.frozen = [2]chan struct{}{make(chan struct{}), make(chan struct{})}
}

// thaw wakes the keeper (0) or the tasks (1). world.mu is held.
func (n *node) thaw(i int) {
	if n.frozen[i] != nil {
		close(n.frozen[i])
		n.frozen[i] = nil
	}
}

// melt waits while the part of the process that asks is frozen.
func (n *node) melt(t *task) {
	i := 0
	if t != nil {
		i = 1
	}
	n.w.mu.Lock()
	ch := n.frozen[i]
	n.w.mu.Unlock()
	if ch != nil {
		<-ch
	}
}

// committed looks at a transaction of a stage that was committed: only the owner's may be. One of a dispatcher may be the
// last its process does for a while.
func (n *node) committed(t *task) {
	w := n.w
	w.mu.Lock()
	if t.own.epoch < w.epoch {
		w.blame("stale transaction", "%s commits under epoch %d, while epoch %d owns the connection", t, t.own.epoch, w.epoch)
	}
	if n.halt && domain.System(t.stage).Valid() {
		n.halt = false
		n.frozen = [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	}
	w.mu.Unlock()
	n.melt(t)
}

// frontStore is the store as one process reaches it: not while it is frozen, and never once it is dead. Transactions
// of a stage begin when the world lets them.
type frontStore struct {
	eventstore.Store
	n *node
}

func (s frontStore) reach(ctx context.Context) error {
	t := taskOf(ctx)
	if t == nil { // a keeper: two that look at the same moment come one after the other
		time.Sleep(time.Duration(s.n.number) * instant)
	}
	s.n.melt(t)
	s.n.w.mu.Lock()
	defer s.n.w.mu.Unlock()
	if s.n.dead {
		return errDead
	}
	return nil
}

func (s frontStore) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := s.reach(ctx); err != nil {
		return 0, err
	}
	return s.Store.Exec(ctx, query, args...)
}

func (s frontStore) Query(ctx context.Context, query string, args ...any) (eventstore.Rows, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	return s.Store.Query(ctx, query, args...)
}

func (s frontStore) QueryKeys(ctx context.Context, query string, keys any, args ...any) (eventstore.Rows, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	return s.Store.QueryKeys(ctx, query, keys, args...)
}

func (s frontStore) Bulk(ctx context.Context, op eventstore.BulkOp, rows [][]any) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.Store.Bulk(ctx, op, rows)
}

func (s frontStore) InTx(ctx context.Context, fn func(eventstore.Tx) error) error {
	if v := s.n.w.park(ctx, &op{kind: opTx, what: "transaction"}); v.err != nil {
		return v.err
	}
	if err := s.reach(ctx); err != nil {
		return err
	}
	err := s.Store.InTx(ctx, fn)
	if t := taskOf(ctx); err == nil && t != nil {
		s.n.committed(t)
	}
	return err
}

func (s frontStore) ReadTx(ctx context.Context, fn func(eventstore.Querier) error) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	return s.Store.ReadTx(ctx, fn)
}

func systemIndex(name string) int {
	if name == string(domain.HubSpot) {
		return 1
	}
	return 0
}

var discard = slog.New(slog.DiscardHandler)
