package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/sqlite"
)

// TestLongReadsLetTheLogGo: whoever reads page by page holds no snapshot between pages. One that is held keeps the
// write-ahead log from beginning anew, and it grows by all that is written meanwhile.
func TestLongReadsLetTheLogGo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "duolog.db")
	store := open(t, sqlite.Config{Path: path})
	log := eventstoretest.Log(t, store)
	const pages, page, limit = 3, 500, 6 << 20
	small := make([]eventstore.NewEvent, pages*page)
	for i := range small {
		small[i] = eventstoretest.Event(fmt.Sprint(i%10), `{}`)
	}
	if _, err := log.Append(t.Context(), small...); err != nil {
		t.Fatal(err)
	}
	large := `"` + string(make([]byte, 512<<10)) + `"`
	most := int64(0)
	write := func() { // 7.5 MiB in all
		for range 5 {
			if _, err := log.Append(t.Context(), eventstoretest.Event("1", large)); err != nil {
				t.Fatal(err)
			}
		}
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, info.Size())
	}
	report, err := eventstore.Verify(t.Context(), store, log.Connection(), func(done, _ int64) {
		if all, err := log.Read(t.Context(), done-page, page); err != nil || len(all) != page {
			t.Fatalf("read %d events, %v", len(all), err)
		}
		write()
	})
	if err != nil || !report.OK() || most > limit {
		t.Errorf("while the log was read and verified it grew to %d bytes: %+v, %v", most, report, err)
	}
	err = store.ReadTx(t.Context(), func(eventstore.Querier) error {
		for range pages {
			write()
		}
		return nil
	})
	if err != nil || most <= limit {
		t.Errorf("while a snapshot was held it grew to %d bytes only, %v", most, err)
	}
}
