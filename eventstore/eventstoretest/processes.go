package eventstoretest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

var processTests = map[string]func(*testing.T, *fixture){
	"KilledAtRandom": testKilledAtRandom,
}

// Sizes of the test with processes.
const (
	allWriters  = 16
	allBatches  = 60
	killsOfEach = 6 // process
)

// Sixteen writers in four processes (SQLite: in one) append with random delays, by group commit and inside
// transactions, and the processes are killed at random moments; another goes on with what had no answer. Readers
// that follow all the while see every position once, in order, without a hole; in the end every batch that was
// acknowledged lies where it was said to, and every other one is there once.
func testKilledAtRandom(t *testing.T, f *fixture) {
	keyFile := filepath.Join(t.TempDir(), "master.key")
	var err error
	if f.master, err = eventstore.CreateMasterKey(keyFile); err != nil {
		t.Fatal(err)
	}
	store, log := f.log(t)
	processes := 4
	if store.Backend() == backendSQLite {
		processes = 1
	}
	ctx := soon(t)
	said := &answers{positions: map[[2]int]int64{}}
	var work sync.WaitGroup
	kills := make([]int, processes)
	for p := range processes {
		j := job{Location: f.Location, KeyFile: keyFile, First: p * allWriters / processes, Batches: allBatches}
		j.Next = make([]int, allWriters/processes)
		work.Go(func() { kills[p] = killAndReplace(ctx, t, j, said) })
	}
	total := int64(0)
	for w := range allWriters {
		for b := range allBatches {
			total += int64(len(batchOf(w, b)))
		}
	}
	seen := make([][]ulid.ULID, 4)
	for r := range seen {
		reader := logOf(t, f.openWith(t, Options{Poll: 5 * time.Millisecond, NoNotify: r%2 == 1}), connection)
		work.Go(func() { seen[r] = followed(ctx, t, reader, total, 1+100*r) })
	}
	work.Wait()
	if t.Failed() {
		return
	}
	for p, n := range kills {
		if n < killsOfEach/2 {
			t.Errorf("process %d was killed %d times only: the test does not test", p, n)
		}
	}
	wantAllBatches(t, wantDense(t, log, total), said)
	for r, ids := range seen {
		wantSame(t, r, ids, mustRead(t, log, 0, int(total)))
	}
	wantVerified(t, store, total)
}

// answers are the positions of the batches that were acknowledged, by writer and batch.
type answers struct {
	mu        sync.Mutex
	positions map[[2]int]int64
}

// take notes a line of a child; false when it is none, as what a killed process began to say.
func (a *answers) take(line string) (writer, batch int, ok bool) {
	var position int64
	if n, err := fmt.Sscanf(line, "%d %d %d\n", &writer, &batch, &position); n != 3 || err != nil {
		return 0, 0, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.positions[[2]int{writer, batch}] = position
	return writer, batch, true
}

// killAndReplace runs one process after the other until their writers have done all, and returns how many it killed.
func killAndReplace(ctx context.Context, t *testing.T, j job, said *answers) (killed int) {
	for life := 0; ; life++ {
		ended, err := liveAndDie(ctx, j, life, said)
		if err != nil {
			t.Errorf("writers from %d, process %d: %v", j.First, life, err)
			return killed
		}
		if ended {
			return killed
		}
		killed++
	}
}

// liveAndDie starts a process and kills it at a random moment: some while they open the database, most while they
// write. Those after the last to be killed end by themselves.
func liveAndDie(ctx context.Context, j job, life int, said *answers) (ended bool, err error) {
	c, err := startChild(ctx, j)
	if err != nil {
		return false, err
	}
	go c.hear(j, said)
	if life < killsOfEach {
		c.killAtRandom(life%3 == 2)
	}
	<-c.silent
	err = c.Wait()
	if c.killed && c.ProcessState.ExitCode() < 0 {
		return false, ctx.Err()
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, &c.stderr)
	}
	return true, err
}

// child is a process of writers.
type child struct {
	*exec.Cmd
	stdout        io.Reader
	stderr        bytes.Buffer
	began, silent chan struct{} // the first batch is stored; nothing more will be heard
	killed        bool
}

func startChild(ctx context.Context, j job) (*child, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	c := &child{Cmd: exec.CommandContext(ctx, binary), began: make(chan struct{}), silent: make(chan struct{})}
	c.Env = append(os.Environ(), childJob+"="+string(text))
	c.Stderr = &c.stderr
	if _, err = c.StdinPipe(); err != nil { // which stays open as long as this process lives
		return nil, err
	}
	if c.stdout, err = c.StdoutPipe(); err != nil {
		return nil, err
	}
	return c, c.Start()
}

// hear notes what the process says, and in j what its successor goes on with.
func (c *child) hear(j job, said *answers) {
	defer close(c.silent)
	first := sync.OnceFunc(func() { close(c.began) })
	for lines := bufio.NewReader(c.stdout); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		if writer, batch, ok := said.take(line); ok {
			j.Next[writer-j.First] = batch + 1
			first()
		}
	}
}

func (c *child) killAtRandom(whileItOpens bool) {
	if !whileItOpens {
		select {
		case <-c.began:
		case <-c.silent:
		}
	}
	select {
	case <-time.After(rand.N(80 * time.Millisecond)):
		c.killed = c.Process.Kill() == nil
	case <-c.silent:
	}
}

// followed is follow, and returns what stood at each position when it was seen.
func followed(ctx context.Context, t *testing.T, log eventstore.Log, total int64, limit int) []ulid.ULID {
	var ids []ulid.ULID
	for int64(len(ids)) < total && !t.Failed() {
		if err := log.Wait(ctx, int64(len(ids))); err != nil {
			t.Errorf("wait after %d: %v", len(ids), err)
			return ids
		}
		page, err := log.Read(ctx, int64(len(ids)), limit)
		if err != nil {
			t.Errorf("read after %d: %v", len(ids), err)
			return ids
		}
		for _, e := range page {
			if e.Position != int64(len(ids))+1 {
				t.Errorf("after position %d came %d", len(ids), e.Position)
				return ids
			}
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// wantSame checks that what a reader saw is what the log holds in the end.
func wantSame(t *testing.T, reader int, seen []ulid.ULID, all []eventstore.Event) {
	t.Helper()
	if !slices.EqualFunc(seen, all, func(id ulid.ULID, e eventstore.Event) bool { return id == e.ID }) {
		t.Errorf("reader %d saw %d events that are not the log's %d", reader, len(seen), len(all))
	}
}

// wantAllBatches checks that each batch is stored once, whole, in its writer's order, and where it was said to be.
func wantAllBatches(t *testing.T, all []eventstore.Event, said *answers) {
	t.Helper()
	at := make(map[ulid.ULID]int64, len(all))
	for _, e := range all {
		if at[e.ID] != 0 {
			t.Errorf("event %s stands at %d and %d", e.ID, at[e.ID], e.Position)
		}
		at[e.ID] = e.Position
		if dataID(t, e) != e.ID.String() {
			t.Errorf("position %d holds the data of another event", e.Position)
		}
	}
	for w := range allWriters {
		last := int64(0)
		for b := range allBatches {
			first := at[idOf(w, b, 0)]
			for i, e := range batchOf(w, b) {
				if at[e.ID] != first+int64(i) || first <= last {
					t.Errorf("writer %d, batch %d: event %d stands at %d, the first at %d, the batch before at %d",
						w, b, i, at[e.ID], first, last)
				}
			}
			if position := said.positions[[2]int{w, b}]; position != first {
				t.Errorf("writer %d, batch %d was said to be at %d and stands at %d", w, b, position, first)
			}
			last = first
		}
	}
}

// wantVerified has the log checked by the code that shares nothing with what wrote it.
func wantVerified(t *testing.T, store eventstore.Store, n int64) {
	t.Helper()
	report, err := eventstore.Verify(t.Context(), store, connection, nil)
	if err != nil || !report.OK() || report.Events != n {
		t.Errorf("verify: %+v, error %v", report, err)
	}
}
