package report

import (
	"cmp"
	"maps"
	"slices"
)

// key is what is counted under; unused parts are empty.
type key [4]string

// tally counts by key.
type tally map[key]int64

func (t tally) add(n int64, parts ...string) {
	var k key
	copy(k[:], parts)
	t[k] += n
}

func (t tally) total() (n int64) {
	for _, count := range t {
		n += count
	}
	return n
}

// sum counts what begins with the parts.
func (t tally) sum(parts ...string) (n int64) {
	for k, count := range t {
		if slices.Equal(k[:len(parts)], parts) {
			n += count
		}
	}
	return n
}

// table lists the counts, the largest first, under the named columns.
func (t tally) table(name, title string, columns ...string) Table {
	keys := slices.SortedFunc(maps.Keys(t), func(a, b key) int {
		return cmp.Or(cmp.Compare(t[b], t[a]), slices.Compare(a[:], b[:]))
	})
	out := Table{Key: name, Title: title, Columns: append(columns, "count"), Rows: [][]any{}}
	for _, k := range keys {
		row := make([]any, 0, len(columns)+1)
		for i := range columns {
			row = append(row, k[i])
		}
		out.Rows = append(out.Rows, append(row, t[k]))
	}
	return out
}

// filled leaves out the tables without rows.
func filled(tables ...Table) []Table {
	return slices.DeleteFunc(tables, func(t Table) bool { return len(t.Rows) == 0 })
}
