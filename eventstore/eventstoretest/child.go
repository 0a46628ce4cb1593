package eventstoretest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

// childJob names the environment variable that makes a test binary a process of writers.
const childJob = "DUOLOG_TEST_WRITERS"

// job is what a process of writers is to do.
type job struct {
	Location string // of the database, as Database.Location
	KeyFile  string
	First    int   // its writers are First, First+1 …
	Next     []int // the batch each of them goes on with
	Batches  int
}

// Main runs the tests of a backend's package, or, in a process that the suite started, its writers. TestMain calls it.
func Main(m *testing.M, open func(ctx context.Context, location string, o Options) (eventstore.Store, error)) {
	text, child := os.LookupEnv(childJob)
	if !child {
		os.Exit(m.Run())
	}
	// Whoever started this process may die without a word; then nobody is left to write for.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	if err := runJob(context.Background(), text, open); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runJob(ctx context.Context, text string,
	open func(context.Context, string, Options) (eventstore.Store, error),
) error {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return err
	}
	key, err := eventstore.LoadMasterKey(j.KeyFile)
	if err != nil {
		return err
	}
	store, err := open(ctx, j.Location, Options{MasterKey: key})
	if err != nil {
		return err
	}
	log, err := store.Log(ctx, connection)
	if err != nil {
		return err
	}
	failures := make([]error, len(j.Next))
	var work sync.WaitGroup
	for i, next := range j.Next {
		work.Go(func() { failures[i] = writeFrom(ctx, store, log, j.First+i, next, j.Batches) })
	}
	work.Wait()
	return errors.Join(append(failures, store.Close())...)
}

// writeFrom appends a writer's batches, one after the other's answer, and says of each on standard output where it
// lies.
func writeFrom(ctx context.Context, store eventstore.Store, log eventstore.Log, writer, next, batches int) error {
	for ; next < batches; next++ {
		pauseAtRandom()
		got, err := appendSomehow(ctx, store, log, batchOf(writer, next))
		if err != nil {
			return fmt.Errorf("writer %d, batch %d: %w", writer, next, err)
		}
		// One write of a few bytes: a process that is killed has said it whole, or not at all.
		fmt.Fprintf(os.Stdout, "%d %d %d\n", writer, next, got[0].Position)
	}
	return nil
}

func pauseAtRandom() { time.Sleep(rand.N(3 * time.Millisecond)) }

// appendSomehow is a group commit, or every third time a transaction that takes its time to commit.
func appendSomehow(ctx context.Context, store eventstore.Store, log eventstore.Log, batch []eventstore.NewEvent) (
	got []eventstore.Appended, err error,
) {
	if rand.N(3) > 0 {
		return log.Append(ctx, batch...)
	}
	err = store.InTx(ctx, func(tx eventstore.Tx) (err error) {
		if got, err = tx.Append(ctx, log, batch...); err == nil {
			pauseAtRandom() // with the head locked
		}
		return err
	})
	return got, err
}

// batchOf makes a writer's batch, the same each time: a process that goes on for one that was killed appends again
// what that one had no answer to. The subjects are everybody's, so processes race for their keys.
func batchOf(writer, batch int) []eventstore.NewEvent {
	all := make([]eventstore.NewEvent, 1+(writer+batch)%5)
	for i := range all {
		all[i] = event(fmt.Sprintf("hubspot/contact/%d", batch%7))
		all[i].ID = idOf(writer, batch, i)
		all[i].Data = fmt.Appendf(nil, `{"id":%q}`, all[i].ID)
		if i == 1 {
			all[i].Key = fmt.Appendf(nil, "delivery %d %d", writer, batch)
		}
	}
	return all
}

func idOf(writer, batch, i int) ulid.ULID {
	var b bytes.Buffer
	for _, n := range []int{1, writer, batch, i} {
		_ = binary.Write(&b, binary.BigEndian, uint32(n))
	}
	return ulid.ULID(b.Bytes())
}
