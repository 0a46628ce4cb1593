package eventstore

import (
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// HashAt works out the hash of a stored event as it lies there now.
func HashAt(t *testing.T, q Querier, connection string, position int64) []byte {
	t.Helper()
	sum := rowsOf(t, q, connection, position)[0].sum(connection)
	return sum[:]
}

func rowsOf(t *testing.T, q Querier, connection string, position int64) []storedRow {
	t.Helper()
	rows, err := q.Query(t.Context(), `SELECT position, id, stream, type, schema, occurred_at, recorded_at, actor,
		causation, subject, data, key_hash, hash FROM event WHERE connection = $1 AND position = $2`, connection, position)
	found, err := Scan(rows, err, scanRow)
	if err != nil || len(found) != 1 {
		t.Fatalf("event %d: %d rows, %v", position, len(found), err)
	}
	return found
}

// TreeHashes are the hashes stored for the first so many events, as they lie there now.
func TreeHashes(t *testing.T, q Querier, connection string, size int64) []byte {
	t.Helper()
	var all []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, _ error) {
		for _, index := range indexes {
			found = append(found, all[index])
		}
		return found, nil
	})
	var stored []byte
	for n := range size {
		row := rowsOf(t, q, connection, n+1)[0]
		leaf := row.leaf(row.sum(connection))
		hashes, err := tlog.StoredHashesForRecordHash(n, leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hashes {
			all = append(all, h)
			stored = append(stored, h[:]...)
		}
	}
	return stored
}
