package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/duolog/duolog/eventstore"
)

// keysPerQuery bounds the list of one statement.
const keysPerQuery = 500

// placeholder stands in a query for its list.
const placeholder = "IN ($keys)"

// queryKeys runs the query once for each part of the list, as the rows are read.
func queryKeys(ctx context.Context, on queryer, query string, keys any, args []any) (eventstore.Rows, error) {
	list, err := anys(keys)
	if err != nil {
		return nil, err
	}
	if strings.Count(query, placeholder) != 1 {
		return nil, fmt.Errorf("query with keys: want %q once in it", placeholder)
	}
	next := func(part []any) (eventstore.Rows, error) {
		all := append(append(make([]any, 0, len(args)+len(part)), args...), part...)
		return query1(ctx, on, strings.Replace(query, placeholder, inList(len(args), len(part)), 1), all)
	}
	return &parts{left: list, next: next}, nil
}

func anys(keys any) ([]any, error) {
	switch keys := keys.(type) {
	case []string:
		return toAny(keys), nil
	case []int64:
		return toAny(keys), nil
	case [][]byte:
		return toAny(keys), nil
	}
	return nil, fmt.Errorf("query with keys: %T is not a list of string, int64 or []byte", keys)
}

func toAny[T any](keys []T) []any {
	list := make([]any, len(keys))
	for i, key := range keys {
		list[i] = key
	}
	return list
}

func inList(after, n int) string {
	var b strings.Builder
	b.WriteString("IN (")
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(after + i + 1))
	}
	b.WriteByte(')')
	return b.String()
}

// parts reads one result set after the other.
type parts struct {
	left []any
	next func(part []any) (eventstore.Rows, error)
	rows eventstore.Rows // of the part being read; nil between parts
	err  error
}

func (p *parts) Next() bool {
	for p.err == nil {
		if p.rows != nil {
			if p.rows.Next() {
				return true
			}
			p.err = p.rows.Err()
			_ = p.rows.Close()
			p.rows = nil
			continue
		}
		if len(p.left) == 0 {
			return false
		}
		n := min(keysPerQuery, len(p.left))
		part := p.left[:n]
		p.left = p.left[n:]
		p.rows, p.err = p.next(part)
	}
	return false
}

func (p *parts) Scan(dest ...any) error { return p.rows.Scan(dest...) }

func (p *parts) Err() error { return p.err }

func (p *parts) Close() error {
	p.left = nil
	if p.rows == nil {
		return nil
	}
	rows := p.rows
	p.rows = nil
	return rows.Close()
}
