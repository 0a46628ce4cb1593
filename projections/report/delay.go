package report

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// The steps of a change that take time.
const (
	stepHeard   = "1 heard, after it was made"
	stepDecided = "2 decided, after it was heard"
	stepSent    = "3 written, after it was decided"

	viaWebhook = "webhook"
)

// delay counts how long a step took.
type delay struct {
	count, second, minute int64
	slowest               time.Duration
}

// took counts one; a clock that runs ahead of ours makes nothing faster than at once.
func (b *book) took(step, system string, micros int64) {
	k := key{step, system}
	d := b.delays[k]
	if d == nil {
		d = &delay{}
		b.delays[k] = d
	}
	long := max(time.Duration(micros)*time.Microsecond, 0)
	d.count++
	d.slowest = max(d.slowest, long)
	switch {
	case long <= time.Second:
		d.second++
	case long <= time.Minute:
		d.minute++
	}
}

func (b *book) lagTable() Table {
	t := Table{Key: "lag", Title: "Lag", Columns: []string{"step", "system", "count", "within 1 s", "within 1 min", "later", "slowest (s)"}}
	for _, k := range slices.SortedFunc(maps.Keys(b.delays), compareKeys) {
		d := b.delays[k]
		t.Rows = append(t.Rows, []any{
			k[0], k[1], d.count, d.second, d.minute, d.count - d.second - d.minute, fmt.Sprintf("%.1f", d.slowest.Seconds()),
		})
	}
	return t
}
