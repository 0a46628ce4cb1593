package projections

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// rowsWorld is what Rows must know: what was put since the last writing, and what the table has.
type rowsWorld struct {
	rows    *Rows
	changed map[string][]byte
	table   map[string][]byte
}

func (w *rowsWorld) check(t *rapid.T) {
	var keys []string
	for key := range w.rows.Changed() {
		keys = append(keys, key)
	}
	if slices.Sort(keys); !slices.Equal(keys, slices.Compact(slices.Clone(keys))) || len(keys) != len(w.changed) ||
		w.rows.Waiting() != len(w.changed) {
		t.Fatalf("to be written are %d, %q; want %d rows", w.rows.Waiting(), keys, len(w.changed))
	}
	for key, data := range w.changed {
		_, inTable := w.table[key]
		if row, ok := w.rows.Get(key); !ok || !row.Changed || row.Stored != inTable || !bytes.Equal(row.Data, data) {
			t.Fatalf("%s to be written is %+v, %v", key, row, ok)
		}
	}
	for key, data := range w.table {
		w.stored(t, key, data)
	}
}

func (w *rowsWorld) stored(t *rapid.T, key string, data []byte) {
	if _, put := w.changed[key]; put {
		return
	}
	row, held := w.rows.Get(key)
	switch {
	case !held && !w.rows.MayStore(key):
		t.Fatalf("%s is in the table, and nobody would look", key)
	case held && (row.Changed || !row.Stored || !bytes.Equal(row.Data, data)):
		t.Fatalf("%s is held as %+v, not as the table has it", key, row)
	}
}

func (w *rowsWorld) write() {
	w.rows.Written()
	for key, data := range w.changed {
		w.table[key] = data
	}
	clear(w.changed)
}

// Whatever is forgotten can be had again, and nothing is forgotten that was not written; keys whose hash is the same are
// different keys.
func TestRowsLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		memory := rapid.SampledFrom([]int{0, 1000, 20_000, 1 << 20}).Draw(t, "memory")
		w := &rowsWorld{NewRows(Version{Empty: true}, memory), map[string][]byte{}, map[string][]byte{}}
		w.rows.hash = func(key string) uint64 { return uint64(len(key)) } // many twins
		key := rapid.Custom(func(t *rapid.T) string {
			n := rapid.IntRange(0, 40).Draw(t, "key")
			return fmt.Sprintf("%0*d", n%3+2, n)
		})
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, size := key.Draw(t, "key"), rapid.IntRange(0, 2000).Draw(t, "size")
				data := bytes.Repeat([]byte{byte(size)}, size)
				_, inTable := w.table[k]
				w.rows.Put(k, data, inTable)
				w.changed[k] = data
			},
			"load": func(t *rapid.T) {
				k := key.Draw(t, "key")
				data, ok := w.table[k]
				if _, put := w.changed[k]; !ok || put {
					t.Skip("not in the table as it is")
				}
				w.rows.Load(k, data)
			},
			"write": func(*rapid.T) { w.write() },
			"":      func(t *rapid.T) { w.check(t) },
		})
	})
}

// Many more rows than there is room for come and go, and what is held stays within bounds.
func TestRowsStayWithinTheirMemory(t *testing.T) {
	const memory = 4 << 20
	rows, most, data := NewRows(Version{Empty: true}, memory), 0, make([]byte, 200)
	for i := range 200_000 {
		rows.Put(strconv.Itoa(i%60_000), data[:100+i%100], i >= 60_000)
		if rows.Full() {
			rows.Written()
		}
		most = max(most, rows.used+rowCost*len(rows.index))
	}
	if most > memory+2*largeChunk {
		t.Errorf("held up to %d bytes of %d", most, memory)
	}
	held := 0
	for i := range 60_000 {
		if _, ok := rows.Get(strconv.Itoa(i)); ok {
			held++
		} else if !rows.MayStore(strconv.Itoa(i)) {
			t.Fatalf("row %d was forgotten for good", i)
		}
	}
	if held < 10_000 {
		t.Errorf("holds %d rows; there is room for more", held)
	}
}

// Rows in use outlive others.
func TestRowsKeepWhatIsUsed(t *testing.T) {
	rows := NewRows(Version{Empty: true}, 1<<20)
	rows.Put("used", []byte("data"), false)
	rows.Written()
	for i := range 100_000 {
		rows.Load(strconv.Itoa(i), make([]byte, 100))
		if _, ok := rows.Get("used"); !ok {
			t.Fatalf("forgotten after %d others", i)
		}
	}
	if _, ok := rows.Get("0"); ok {
		t.Error("the first of the others is still held")
	}
}
