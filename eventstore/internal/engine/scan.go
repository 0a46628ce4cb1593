package engine

import "fmt"

// Drivers hand the bytes of a column to ScanBytes or Scan without a copy of their own: a page of events has many columns
// that are the same from row to row, or go where there is room for them.

// fixed takes bytes to where they belong.
type fixed []byte

// ScanBytes is for pgx.
func (f fixed) ScanBytes(b []byte) error {
	clear(f[copy(f, b):])
	return nil
}

// Scan is for database/sql.
func (f fixed) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok {
		return fmt.Errorf("scan %T as bytes", v)
	}
	return f.ScanBytes(b)
}

// words are texts of a page, each held once.
type words map[string]string

// word takes a text that other rows have, too.
type word struct {
	to    *string
	known words
}

// ScanBytes is for pgx.
func (w word) ScanBytes(b []byte) error {
	s, ok := w.known[string(b)]
	if !ok {
		s = string(b)
		w.known[s] = s
	}
	*w.to = s
	return nil
}

// Scan is for database/sql.
func (w word) Scan(v any) error {
	switch v := v.(type) {
	case string:
		*w.to = v
		return nil
	case []byte:
		return w.ScanBytes(v)
	}
	return fmt.Errorf("scan %T as a text", v)
}
