package postgres_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
)

// TestNeighbourDelaysNobody: a transaction stays open in another database of the server, and one in ours that writes
// what is no event. The server's oldest transaction is then older than every event, and readers who waited for that
// would wait as long; ours see each append at once.
func TestNeighbourDelaysNobody(t *testing.T) {
	ours := eventstoretest.PostgresURL(t)
	key := eventstore.NewMasterKey()
	writer := eventstoretest.Log(t, open(t, postgres.Config{URL: ours, MasterKey: key}))
	reader := eventstoretest.Log(t, open(t, postgres.Config{
		URL: ours, MasterKey: key, PollInterval: 5 * time.Millisecond,
	}))
	for _, url := range []string{eventstoretest.PostgresURL(t), ours} {
		stayOpen(t, url)
		for range 20 {
			appended, err := writer.Append(t.Context(), eventstoretest.Event("1", "{}"))
			if err != nil {
				t.Fatal(err)
			}
			at := appended[0].Position
			page, err := reader.Read(t.Context(), at-1, 10)
			if err != nil || len(page) != 1 || page[0].Position != at {
				t.Fatalf("the reader does not see position %d: %d events, error %v", at, len(page), err)
			}
			if head, err := reader.Head(t.Context()); err != nil || head.Position != at {
				t.Fatalf("the head is at %d for the reader, should be %d, error %v", head.Position, at, err)
			}
		}
	}
}

// stayOpen leaves a transaction that has written open until the test ends.
func stayOpen(t *testing.T, url string) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	if _, err := tx.ExecContext(t.Context(), "CREATE TABLE neighbour (k INT)"); err != nil {
		t.Fatal(err)
	}
}
